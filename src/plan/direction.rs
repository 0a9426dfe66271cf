//! Which way a run goes.

use serde::{Deserialize, Serialize};

/// Which way a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From OLD to NEW.
    Forward,
    /// Back to OLD.
    Backward,
}
