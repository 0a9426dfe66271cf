//! Network interfaces, as sysfs has them (Linux Documentation/ABI/testing/sysfs-class-net).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the kernel lists them.
const NICS: &str = "/sys/class/net";

/// `NET_ADDR_PERM`: the address is the device's own, and nobody set it.
const PERMANENT: &str = "0";

/// The address of an interface that has none.
const NONE: &str = "00:00:00:00:00:00";

/// The addresses that the machine's network devices have of their own. Bridges, bonds and other
/// interfaces without a device do not count.
pub fn permanent() -> BTreeSet<String> {
    let devices = interfaces().into_iter().filter(|nic| nic.join("device").exists());
    real(devices.filter_map(|nic| own(&nic)))
}

/// The address that a device has of its own. A bond gives its members one address, and keeps what they had.
fn own(nic: &Path) -> Option<String> {
    match attribute(nic, "bonding_slave/perm_hwaddr") {
        None if attribute(nic, "addr_assign_type")? == PERMANENT => attribute(nic, "address"),
        kept => kept,
    }
}

/// The address of the machine's one network device; several devices with one address count as one. None where
/// there is not a device, or one whose own address cannot be told, and where there are several addresses.
pub fn only() -> Option<String> {
    let devices = interfaces().into_iter().filter(|nic| nic.join("device").exists());
    let own: Option<BTreeSet<String>> = devices.map(|nic| own(&nic)).collect();
    let mut own = own?.into_iter().filter(|address| address != NONE);
    own.next().filter(|_| own.next().is_none())
}

/// The addresses of all interfaces, those of their devices included.
pub fn all() -> BTreeSet<String> {
    let present = interfaces().into_iter().filter_map(|nic| attribute(&nic, "address"));
    let mut found = real(present);
    found.extend(permanent());
    found
}

fn interfaces() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(NICS) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).collect()
}

fn attribute(nic: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(nic.join(name)).ok()?;
    Some(text.trim().to_lowercase())
}

fn real(addresses: impl Iterator<Item = String>) -> BTreeSet<String> {
    addresses.filter(|address| !address.is_empty() && address != NONE).collect()
}
