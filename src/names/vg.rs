use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{NameError, check_common};

/// The name of a volume group, checked by LVM's own grammar (lvm2 lib/misc/lvm-string.c).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VgName(String);

impl TryFrom<String> for VgName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::new(&name)
    }
}

impl From<VgName> for String {
    fn from(name: VgName) -> Self {
        name.0
    }
}

/// The longest name that vgrename accepts: 128 - len("/dev/") - 2 (lvm2 lib/metadata/metadata.c).
const MAX_RENAME_TARGET: usize = 121;

/// Entries that the /dev of a guest has or may get. vgrename refuses a name that is in the /dev of the
/// machine on which it runs. The /dev of a rescue system does not show what the guest's has.
const DEV_ENTRIES: &[&str] = &[
    "autofs",
    "block",
    "bsg",
    "btrfs-control",
    "bus",
    "cdrom",
    "char",
    "console",
    "core",
    "cpu",
    "cpu_dma_latency",
    "cuse",
    "disk",
    "dm",
    "dma_heap",
    "dri",
    "fb0",
    "fd",
    "full",
    "fuse",
    "hpet",
    "hugepages",
    "hwrng",
    "initctl",
    "input",
    "kmsg",
    "kvm",
    "log",
    "loop-control",
    "mapper",
    "mcelog",
    "md",
    "mem",
    "mqueue",
    "net",
    "null",
    "nvram",
    "port",
    "ppp",
    "psaux",
    "ptmx",
    "pts",
    "random",
    "rfkill",
    "root",
    "rtc",
    "shm",
    "snapshot",
    "snd",
    "stderr",
    "stdin",
    "stdout",
    "tty",
    "uhid",
    "uinput",
    "urandom",
    "userfaultfd",
    "vfio",
    "vga_arbiter",
    "vhci",
    "vhost-net",
    "vhost-vsock",
    "vsock",
    "watchdog",
    "zero",
];

/// Beginnings of numbered /dev entries: `sda`, `vdb1`, `nvme0n1`, `tty7`, `loop3`.
const DEV_LETTERED: &[&str] = &["sd", "vd", "hd", "xvd"];
const DEV_NUMBERED: &[&str] =
    &["loop", "tty", "ttyS", "dm-", "md", "sr", "sg", "nvme", "mmcblk", "ram", "rtc", "vcs", "nbd"];

impl VgName {
    /// A name that a group may have. LVM creates names of up to 127 bytes.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_common(name)?;
        Ok(Self(name.to_owned()))
    }

    /// A name to which vgrename can rename a group: at most 121 bytes.
    pub fn rename_target(name: &str) -> Result<Self, NameError> {
        let name = Self::new(name)?;
        let length = name.0.len();
        if length > MAX_RENAME_TARGET {
            return Err(NameError::TooLong { length, limit: MAX_RENAME_TARGET });
        }
        Ok(name)
    }

    /// The raw name as `vgs` prints it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as part of a dm name, with every hyphen doubled.
    pub fn doubled(&self) -> String {
        super::dm::double(&self.0)
    }

    /// Whether `/dev/NAME` is, or may become, something else on a Linux system.
    pub fn clashes_with_dev(&self) -> bool {
        let name = self.0.as_str();
        let lettered = |stem: &&str| {
            name.strip_prefix(*stem).is_some_and(|rest| {
                let digits = rest.trim_start_matches(|c: char| c.is_ascii_lowercase());
                digits.len() < rest.len()
                    && rest.len() - digits.len() <= 2
                    && digits.chars().all(|c| c.is_ascii_digit())
            })
        };
        let numbered = |stem: &&str| {
            name.strip_prefix(*stem)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        DEV_ENTRIES.contains(&name)
            || DEV_LETTERED.iter().any(lettered)
            || DEV_NUMBERED.iter().any(numbered)
    }
}

impl fmt::Display for VgName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The form on command lines: like vgrename, this strips a leading `/dev/`.
impl FromStr for VgName {
    type Err = NameError;

    fn from_str(argument: &str) -> Result<Self, NameError> {
        Self::new(argument.strip_prefix("/dev/").unwrap_or(argument))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar_is_lvms() {
        for good in ["a", "svlmon2-vg", "vg-", "v--g", ".x", "...", "_", "+", "0", "a.b+c_d"] {
            assert!(VgName::new(good).is_ok(), "{good}");
        }
        assert_eq!(VgName::new(""), Err(NameError::Empty));
        assert_eq!(VgName::new("."), Err(NameError::Dots));
        assert_eq!(VgName::new(".."), Err(NameError::Dots));
        assert_eq!(VgName::new("-a"), Err(NameError::LeadingHyphen));
        assert_eq!(VgName::new("a/b"), Err(NameError::Character('/')));
        assert_eq!(VgName::new("ä"), Err(NameError::Character('ä')));
    }

    #[test]
    fn a_rename_target_is_shorter_than_a_created_name() {
        assert!(VgName::new(&"x".repeat(127)).is_ok());
        assert!(VgName::new(&"x".repeat(128)).is_err());
        assert!(VgName::rename_target(&"x".repeat(121)).is_ok());
        assert_eq!(
            VgName::rename_target(&"x".repeat(122)),
            Err(NameError::TooLong { length: 122, limit: 121 })
        );
    }

    #[test]
    fn names_that_stand_in_dev_are_known() {
        for taken in [
            "mapper", "disk", "null", "sda", "sda1", "vdb", "xvda2", "tty7", "loop0", "dm-3",
            "nvme0n1",
        ] {
            assert!(VgName::new(taken).unwrap().clashes_with_dev(), "{taken}");
        }
        for free in
            ["sdata", "sd", "vdisk", "system", "ubuntu-vg", "data", "ttyvg", "loopback", "vd"]
        {
            assert!(!VgName::new(free).unwrap().clashes_with_dev(), "{free}");
        }
    }
}
