//! The direction of a run.

use serde::{Deserialize, Serialize};

/// The direction of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From OLD to NEW.
    Forward,
    /// Back to OLD.
    Backward,
}
