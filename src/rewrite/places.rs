//! Every place that is read: its path, its reader, and how its names are treated.
//!
//! `man/places.md` has the same table for people, with the tests.

use super::boot_places::BOOT;
use super::place::{Place, boot, loader};
use super::service_places::SERVICES;
use super::text;

/// Files that a boot loader's file of that kind includes, in any directory.
pub const INCLUDED: &[Place] = &[
    boot("", "grub-include", text::grub),
    loader("", "extlinux"),
    loader("", "syslinux"),
    loader("", "refind"),
];

/// Every place, in the order of the report. If two patterns fit a file, the first one counts.
pub const PLACES: &[Place] = &joined();

#[allow(clippy::large_stack_arrays)] // the compiler has it on its stack, and nobody else
const fn joined() -> [Place; BOOT.len() + SERVICES.len()] {
    let mut all = [BOOT[0]; BOOT.len() + SERVICES.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < BOOT.len() { BOOT[at] } else { SERVICES[at - BOOT.len()] };
        at += 1;
    }
    all
}
