//! A plan as text, as a patch, as JSON.

pub mod diff;
pub mod json;
pub mod style;
pub mod text;
