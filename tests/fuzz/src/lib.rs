//! What is asked of postclone for every input, beside that it does not crash.

pub mod images;
pub mod journal;
pub mod lvm_report;
pub mod names;
pub mod renewals;
pub mod rewriters;
pub mod undo;
