//! Makes a job of changes, carries it out, finishes a run that was cut, and takes one back. It knows no
//! kind of change by name: what is a kind's own it asks of [`crate::change::Change`].
//!
//! Every step looks before it acts, so that one which was cut in the middle can be taken again.

mod act;
pub mod apply;
mod boot_log;
mod bridge;
mod crew;
mod due;
mod estimate;
mod following;
pub mod foreign;
mod held;
mod image_step;
mod loaded;
mod make;
pub mod not_rewritten;
mod placed_step;
pub mod proof;
mod steps;
pub mod take;
mod validate;
mod verify;

pub use estimate::sentence as how_long;
pub use make::{Gathered, Scope, gather, job};
pub use take::{Manner, Taken, take};
pub use verify::planned_again;
