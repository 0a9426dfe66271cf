//! postclone renames an LVM volume group and everything on the machine that names it.
//!
//! The flow has one direction: arguments, [`guest`] (what is there), [`names`] and
//! [`rewrite`] (which bytes name the group), [`plan`] (a value), [`report`] (show it),
//! [`checks`] (everything that could refuse later), [`transaction`], [`live`] and
//! [`initramfs`] (change it), and a second plan that must come out empty.
//!
//! Only [`transaction`] writes files and only [`run`] starts programs; `tests/rooms.rs`
//! holds the tree to that. `CONTRIBUTING.md` has the map of rooms.

pub mod ask;
pub mod audit;
pub mod blkid;
pub mod checks;
pub mod cli;
pub mod due;
pub mod exit;
pub mod guest;
pub mod image;
pub mod initramfs;
pub mod interrupt;
pub mod live;
pub mod logger;
pub mod lvm;
pub mod names;
pub mod overview;
pub mod plan;
pub mod printable;
pub mod progress;
pub mod proof;
pub mod rename;
pub mod report;
pub mod rewrite;
pub mod run;
pub mod severity;
pub mod status;
pub mod steps;
pub mod transaction;
pub mod undo;
pub mod world;
