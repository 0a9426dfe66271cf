//! The integration tests, one binary.

#![allow(unreachable_pub, clippy::print_stderr)]

#[cfg(feature = "failpoints")]
mod faults;
mod flow;
mod golden;
mod harness;
mod names;
mod refusals;
mod rooms;
mod stage;
mod tree;
