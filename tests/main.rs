//! The integration tests, one binary.

#![allow(unreachable_pub)]

mod golden;
mod harness;
mod names;
mod refusals;
mod rooms;
mod tree;
