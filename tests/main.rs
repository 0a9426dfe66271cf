//! The integration tests, one binary.

#![allow(unreachable_pub, clippy::print_stderr, clippy::disallowed_methods)]

mod attributes;
mod audit;
mod boot_fs;
mod clones;
mod crew;
mod earlier_journals;
mod exotic;
#[cfg(feature = "failpoints")]
mod faults;
mod first_minute;
mod flow;
mod generators;
mod golden;
mod harness;
mod hostile;
mod image_based;
mod images;
mod journals;
mod live;
mod manual;
mod many;
mod named_after;
mod names;
mod not_rewritten;
mod obstacles;
mod package_locks;
mod paths;
mod placed;
mod places;
mod planted;
mod printable;
mod private;
mod proof;
mod real_lvm;
mod recovery;
mod refusals;
mod rename_lv;
mod rooms;
mod since;
mod stage;
mod terminal;
mod tree;
mod units;
mod words;
mod world;
