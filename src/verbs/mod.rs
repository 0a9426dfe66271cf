//! The verbs of the command line. Each calls the rooms above it.

pub mod audit;
mod carry_out;
pub mod fixup;
pub mod forget_secrets;
pub mod identity;
mod last_run;
pub mod overview;
mod own;
mod parts;
mod printer;
pub mod rename;
pub mod rename_host;
pub mod rename_lv;
pub mod renew;
mod renewals;
mod resume;
pub mod seal;
pub mod status;
mod subject;
pub mod undo;
