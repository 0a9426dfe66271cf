//! Makes a job from changes, carries it out, finishes an interrupted run, and undoes a run. It knows no kind of
//! change by name: it asks [`crate::change::Change`] for whatever depends on the kind.
//!
//! Every step looks before it acts, so that an interrupted step can be taken again.

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
