//! postclone renames an LVM volume group and everything on the machine that names it.
//!
//! The flow has one direction: arguments, [`guest`] (what is there), [`names`] and [`rewrite`] (which bytes name the
//! group), [`plan`] (a value), [`report`] (show it), [`checks`] (everything that could cause a refusal later),
//! [`engine`] with [`transaction`], [`live`] and [`initramfs`] (change it), and a second plan that must come out
//! empty. A kind of change is a room of its own ([`group`]) and a line in [`changes`]. The engine knows no kind by
//! name.
//!
//! Only [`transaction`] writes files, and only [`run`] starts programs. `tests/house/rooms.rs` checks this.
//! `CONTRIBUTING.md` has the map of rooms.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make what they look at"))]

pub mod ask;
pub mod audit;
pub mod blkid;
pub mod change;
pub mod changes;
pub mod checks;
pub mod cli;
pub mod copies;
pub mod encoding;
pub mod engine;
pub mod exit;
pub mod ext;
pub mod failpoint;
pub mod fatlabel;
pub mod fixup;
pub mod glob;
pub mod group;
pub mod guest;
pub mod host;
pub mod identity;
pub mod image;
pub mod initramfs;
pub mod interrupt;
pub mod iscsi_iname;
pub mod live;
pub mod logger;
pub mod lvm;
pub mod names;
pub mod openssl;
pub mod own;
pub mod plan;
pub mod printable;
pub mod progress;
pub mod proof;
pub mod regular;
pub mod renew;
pub mod report;
pub mod rewrite;
pub mod run;
pub mod severity;
pub mod ssh_keygen;
pub mod swaps;
pub mod threads;
pub mod transaction;

pub mod uuids;
pub mod verbs;
pub mod volume;
pub mod world;
