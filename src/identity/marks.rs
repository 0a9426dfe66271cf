//! The marks that tell a machine apart from its clone. The hypervisor gives them to the machine, and no disk carries
//! them over.
//!
//! No single mark decides. A changed network card or disk does not make a clone, a restored machine may get a new
//! firmware UUID, and Hyper-V may give a copy the UUID of its source. There are two classes of marks: those of the
//! machine as a whole (the firmware's UUID, Hyper-V's VirtualMachineId), and those of its parts (network cards,
//! disks, cloud-init's instance). [`Marks::against`] has the rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::hash;
use super::view::BlockDevice;
use crate::guest::root::Root;
use crate::guest::{kvp, nics};

/// Where DMI's texts are (Linux drivers/firmware/dmi-id.c). Only root can read the UUID and serial numbers.
const DMI: &str = "/sys/class/dmi/id";

/// Serial numbers in DMI.
const SERIALS: &[&str] = &["product_serial", "board_serial", "chassis_serial"];

/// Xen's UUID of a guest, for guests without DMI (Linux Documentation/ABI/stable/sysfs-hypervisor-xen).
const XEN: &str = "/sys/hypervisor/uuid";

/// The serial number of boards with a device tree.
const DEVICE_TREE: &str = "/proc/device-tree/serial-number";

/// What firmware writes if nobody set a number.
const NO_SERIALS: &[&str] = &[
    "",
    "0",
    "none",
    "not specified",
    "not available",
    "not applicable",
    "default string",
    "system serial number",
    "chassis serial number",
    "base board serial number",
    "to be filled by o.e.m.",
    "0123456789",
    "123456789",
    "1234567890",
];

/// UUIDs that many boards share.
const NO_UUIDS: &[&str] = &[
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009",
];

/// One sort of mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// The firmware's UUID, or Xen's.
    Uuid,
    /// The firmware's serial numbers.
    Serial,
    /// Hyper-V's VirtualMachineId.
    VmId,
    /// The addresses of the network cards.
    Nic,
    /// The disks' serial numbers and world wide names.
    Disk,
    /// cloud-init's instance.
    Instance,
}

/// The marks of one machine, each as keyed hashes. A sort of which the machine has none is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks(BTreeMap<Mark, BTreeSet<String>>);

/// How one machine's marks compare with another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It is the same machine, as far as its marks show.
    Same,
    /// It is another machine.
    Other,
    /// One mark says so, or no marks can be compared. Only a person knows.
    Unsure,
}

impl Marks {
    /// The marks of the running machine.
    pub fn of_running(root: &Root, devices: Option<&[BlockDevice]>) -> Self {
        let disks = devices.unwrap_or_default().iter().filter(|device| device.kind == "disk");
        let disks = disks.flat_map(|disk| [disk.serial.clone(), disk.wwn.clone()]);
        let serials = SERIALS.iter().filter_map(|name| text(&Path::new(DMI).join(name)));
        let instance = root.read_text("/var/lib/cloud/data/instance-id");
        let pool = fs::read(kvp::POOL).ok().filter(|_| kvp::is_fresh(Path::new(kvp::POOL)));
        let mut marks = Self::default();
        marks.add(Mark::Uuid, uuid());
        marks.add(Mark::Serial, serials.chain(text(Path::new(DEVICE_TREE))).filter(is_serial));
        marks.add(Mark::VmId, pool.and_then(|pool| kvp::value(&pool, kvp::MACHINE_ID)));
        marks.add(Mark::Nic, nics::permanent());
        marks.add(Mark::Disk, disks.filter(is_serial));
        marks.add(Mark::Instance, instance);
        marks
    }

    /// Adds marks of one sort. White space around them does not count, nor do upper and lower case.
    pub fn add(&mut self, mark: Mark, values: impl IntoIterator<Item = String>) {
        let values = values.into_iter().map(|value| value.trim().to_lowercase());
        let hashes: BTreeSet<String> = values
            .filter(|value| !value.is_empty())
            .map(|value| hash::of("machine", value.as_bytes()))
            .collect();
        if !hashes.is_empty() {
            self.0.entry(mark).or_default().extend(hashes);
        }
    }

    /// Whether there are no marks.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares these marks with those of a machine on record.
    ///
    /// A sort differs if both machines have it and share no value. It is another machine if one sort of the whole
    /// differs, and at least one other sort does. It is also another machine if no sort of the whole can be compared,
    /// and two sorts of parts differ. It is unsure if only one sort of the whole differs, or if two sorts of parts
    /// differ while the whole is equal. If only one sort of parts differs, that part was changed.
    pub fn against(&self, other: &Self) -> Relation {
        let whole = [self.firmware(other), self.differ(Mark::VmId, other)];
        let parts = [Mark::Nic, Mark::Disk, Mark::Instance].map(|mark| self.differ(mark, other));
        let count = |sorts: &[Option<bool>], differ| {
            sorts.iter().filter(|sort| **sort == Some(differ)).count()
        };
        let (whole_differ, whole_equal) = (count(&whole, true), count(&whole, false));
        let (parts_differ, parts_equal) = (count(&parts, true), count(&parts, false));
        match (whole_differ, parts_differ) {
            (0, 0 | 1) if whole_equal + parts_equal > 0 => Relation::Same,
            (0, 0 | 1) => Relation::Unsure,
            (0, _) if whole_equal > 0 => Relation::Unsure,
            (whole, parts) if whole + parts > 1 => Relation::Other,
            _ => Relation::Unsure,
        }
    }

    /// Compares the firmware's UUIDs, or its serial numbers if one machine has no UUID. They count as one mark,
    /// because VMware makes one from the other.
    fn firmware(&self, other: &Self) -> Option<bool> {
        self.differ(Mark::Uuid, other).or_else(|| self.differ(Mark::Serial, other))
    }

    /// Whether a sort differs. `None` unless both have it.
    fn differ(&self, mark: Mark, other: &Self) -> Option<bool> {
        let (own, others) = (self.0.get(&mark)?, other.0.get(&mark)?);
        Some(own.is_disjoint(others))
    }
}

fn uuid() -> Option<String> {
    let own = text(&Path::new(DMI).join("product_uuid")).or_else(|| text(Path::new(XEN)))?;
    let own = own.to_lowercase();
    (!NO_UUIDS.contains(&own.as_str())).then_some(own)
}

fn text(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes)
        .trim_matches(|c: char| c == '\0' || c.is_whitespace())
        .to_owned();
    (!text.is_empty()).then_some(text)
}

#[allow(clippy::ptr_arg, reason = "it filters an iterator of strings")]
fn is_serial(text: &String) -> bool {
    !NO_SERIALS.contains(&text.to_lowercase().trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(list: &[(Mark, &str)]) -> Marks {
        let mut marks = Marks::default();
        for (mark, value) in list {
            marks.add(*mark, [(*value).to_owned()]);
        }
        marks
    }

    #[test]
    fn no_single_mark_decides() {
        use Mark::{Disk, Instance, Nic, Serial, Uuid, VmId};
        use Relation::{Other, Same, Unsure};
        let record = [(Uuid, "u"), (Serial, "s"), (Nic, "n"), (Disk, "d")];
        let cases: &[(&[(Mark, &str)], Relation)] = &[
            (&record, Same),
            // A new network card, a new disk, or a new serial number with the same UUID.
            (&[(Uuid, "u"), (Serial, "s"), (Nic, "x"), (Disk, "d")], Same),
            (&[(Uuid, "u"), (Serial, "s"), (Nic, "n"), (Disk, "x")], Same),
            (&[(Uuid, "u"), (Serial, "x"), (Nic, "n"), (Disk, "d")], Same),
            // A clone: a new UUID, and whatever else the hypervisor renews.
            (&[(Uuid, "x"), (Serial, "s"), (Nic, "x"), (Disk, "d")], Other),
            (&[(Uuid, "x"), (Serial, "x"), (Nic, "n"), (Disk, "x")], Other),
            (&[(Uuid, "x"), (Serial, "x"), (Nic, "x"), (Disk, "x")], Other),
            // Only the UUID differs. The UUID and the serial number are one mark.
            (&[(Uuid, "x"), (Serial, "s"), (Nic, "n"), (Disk, "d")], Unsure),
            (&[(Uuid, "x"), (Serial, "x"), (Nic, "n"), (Disk, "d")], Unsure),
            // Hyper-V may keep the UUID.
            (&[(Uuid, "u"), (Nic, "x"), (Disk, "x")], Unsure),
            // There is no UUID to compare.
            (&[(Nic, "x"), (Disk, "x")], Other),
            (&[(Nic, "x"), (Disk, "d")], Same),
            (&[(Serial, "x"), (Nic, "x")], Other),
            (&[(Nic, "x")], Unsure),
            (&[(Instance, "i")], Unsure),
            (&[], Unsure),
        ];
        for (now, relation) in cases {
            assert_eq!(marks(now).against(&marks(&record)), *relation, "{now:?}");
            assert_eq!(marks(&record).against(&marks(now)), *relation, "{now:?}, turned round");
        }
        let hyper_v = [(Uuid, "u"), (VmId, "v"), (Nic, "n")];
        let copy = [(Uuid, "u"), (VmId, "x"), (Nic, "x")];
        assert_eq!(marks(&copy).against(&marks(&hyper_v)), Other);
        assert_eq!(
            marks(&[(Uuid, "u"), (VmId, "x"), (Nic, "n")]).against(&marks(&hyper_v)),
            Unsure
        );
    }

    #[test]
    fn one_card_in_common_is_no_change() {
        let mut now = marks(&[(Mark::Nic, "b")]);
        now.add(Mark::Nic, ["A ".to_owned()]);
        assert_eq!(now.differ(Mark::Nic, &marks(&[(Mark::Nic, "a")])), Some(false));
        assert_eq!(now.differ(Mark::Disk, &marks(&[(Mark::Disk, "a")])), None);
    }
}
