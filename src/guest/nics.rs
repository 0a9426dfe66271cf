//! Network interfaces in sysfs (Linux Documentation/ABI/testing/sysfs-class-net).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the kernel lists the interfaces.
const NICS: &str = "/sys/class/net";

/// `NET_ADDR_PERM`: the address is the device's own. Nobody set it.
const PERMANENT: &str = "0";

/// The address of an interface without an address.
const NONE: &str = "00:00:00:00:00:00";

/// The permanent addresses of the machine's network devices. Bridges, bonds and other interfaces without a
/// device do not count.
pub fn permanent() -> BTreeSet<String> {
    let devices = interfaces().into_iter().filter(|nic| nic.join("device").exists());
    real(devices.filter_map(|nic| own(&nic)))
}

/// The permanent address of a device. A bond gives one address to its members, but keeps their own
/// addresses.
fn own(nic: &Path) -> Option<String> {
    match attribute(nic, "bonding_slave/perm_hwaddr") {
        None if attribute(nic, "addr_assign_type")? == PERMANENT => attribute(nic, "address"),
        kept => kept,
    }
}

/// The address of the machine's only network device. Several devices with the same address count as one.
/// None if there is no device, if a device's own address is not known, or if there are several addresses.
pub fn only() -> Option<String> {
    let devices = interfaces().into_iter().filter(|nic| nic.join("device").exists());
    let own: Option<BTreeSet<String>> = devices.map(|nic| own(&nic)).collect();
    let mut own = own?.into_iter().filter(|address| address != NONE);
    own.next().filter(|_| own.next().is_none())
}

/// The addresses of all interfaces, with the permanent addresses of their devices.
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
