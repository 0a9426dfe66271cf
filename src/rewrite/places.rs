//! Every place that is read: its path, what reads it, and what happens to what is found.
//!
//! `man/places.md` has the same for people, with the test that shows it.

use super::boot_places::BOOT;
use super::place::{Place, boot, loader};
use super::service_places::SERVICES;
use super::text;

/// Files that a boot loader's file of that kind includes, wherever they lie.
pub const INCLUDED: &[Place] = &[
    boot("", "grub-include", text::grub),
    loader("", "extlinux"),
    loader("", "syslinux"),
    loader("", "refind"),
];

/// Every place, in the order of the report. Where two patterns fit a file, the first counts.
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
