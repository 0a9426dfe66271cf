//! What finders look at: a tree, and what programs report about the running system.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::guest::host;
use crate::guest::inventory::{Group, Inventory};
use crate::guest::root::Root;

/// What finders look at.
#[derive(Debug)]
pub struct View<'a> {
    /// The tree.
    pub root: &'a Root,
    /// The present short host name, in lower case.
    pub host: Option<String>,
    /// MAC addresses of the existing network interfaces, `aa:bb:cc:dd:ee:ff` in lower case. `None` for a tree that is
    /// not running.
    pub nics: Option<BTreeSet<String>>,
    /// What `sshd -T` prints: one keyword in lower case per line, with its value. `None` if it was not asked or did
    /// not answer.
    pub sshd: Option<String>,
    /// What lsblk(8) reports. `None` if it was not asked or did not answer. Finders ask [`View::devices`].
    pub devices: Option<&'a [BlockDevice]>,
    /// LVM's report. `None` if LVM was not asked or did not answer. Finders ask [`View::groups`].
    pub inventory: Option<&'a Inventory>,
    troubles: RefCell<Vec<String>>,
}

/// A block device, as lsblk(8) shows it. A text is empty if there is no value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockDevice {
    /// Its path, for example `/dev/vda1`.
    pub path: String,
    /// `disk`, `part`, `lvm`, `crypt`, `raid1`, `rom`, `loop`.
    pub kind: String,
    /// `ext4`, `swap`, `LVM2_member`, `crypto_LUKS`, `vfat`, `linux_raid_member`.
    pub content: String,
    /// The UUID of its content.
    pub uuid: String,
    /// The type of the partition table that it is in, `gpt` or `dos`.
    pub table: String,
    /// The identity of the partition table.
    pub table_uuid: String,
    /// The UUID of the partition.
    pub part_uuid: String,
    /// A disk's serial number.
    pub serial: String,
    /// A disk's world wide name.
    pub wwn: String,
}

impl<'a> View<'a> {
    /// Only the files of a tree. The caller adds what belongs to the running system.
    pub fn of(root: &'a Root) -> Self {
        let host = host::present(root).map(|host| host.name.to_lowercase());
        Self {
            root,
            host,
            nics: None,
            sshd: None,
            devices: None,
            inventory: None,
            troubles: RefCell::default(),
        }
    }

    /// A file's bytes. `None` if the file does not exist. `None` if it cannot be read, too, and that is noted.
    pub fn bytes(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        match self.root.read(path.as_ref()) {
            Ok(source) => Some(source?.bytes),
            Err(error) => {
                self.trouble(format!("{error:#}"));
                None
            }
        }
    }

    /// The same as text. Bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        self.bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Existing paths that match a pattern ([`Root::glob`]), sorted. A directory that cannot be listed is noted.
    pub fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        match self.root.glob(pattern) {
            Ok(paths) => paths.into_iter().filter(|path| self.root.exists(path)).collect(),
            Err(error) => {
                self.trouble(format!("{error:#}"));
                Vec::new()
            }
        }
    }

    /// Text files that match a pattern, by path.
    pub fn texts(&self, pattern: &str) -> BTreeMap<PathBuf, String> {
        let paths = self.glob(pattern).into_iter();
        paths.filter_map(|path| self.text(&path).map(|text| (path, text))).collect()
    }

    /// The block devices. If they are unknown, that is noted.
    pub fn devices(&self) -> &'a [BlockDevice] {
        self.devices.unwrap_or_else(|| {
            self.trouble(self.unseen("lsblk"));
            &[]
        })
    }

    /// The volume groups. If they are unknown, that is noted.
    pub fn groups(&self) -> &'a [Group] {
        self.inventory.map_or_else(
            || {
                self.trouble(self.unseen("LVM"));
                [].as_slice()
            },
            |inventory| &inventory.groups,
        )
    }

    fn unseen(&self, whom: &str) -> String {
        if self.root.is_live() {
            format!("{whom} gave no answer")
        } else {
            "not checked: only the running system shows it".to_owned()
        }
    }

    /// Notes something that could not be examined: a sentence without a full stop.
    pub fn trouble(&self, what: impl Into<String>) {
        self.troubles.borrow_mut().push(what.into());
    }

    /// What could not be examined since the last call.
    pub fn take_troubles(&self) -> Vec<String> {
        self.troubles.take()
    }

    /// Why a host name hints at another machine. `None` if it is this machine's. Short names are compared, and upper
    /// and lower case do not count. `None` for `localhost`, too, and while this machine has no name.
    pub fn other_host(&self, name: &str) -> Option<String> {
        let short = host::short(name)?.to_lowercase();
        let own = self.host.as_ref()?;
        (short != *own).then(|| format!("it names the host {short}, but this machine is {own}"))
    }

    /// Why a MAC address in a configuration hints at another machine: no interface has it.
    pub fn other_nic(&self, mac: &str) -> Option<String> {
        let nics = self.nics.as_ref()?;
        let mac = mac.to_lowercase().replace('-', ":");
        (!nics.is_empty() && !nics.contains(&mac))
            .then(|| format!("no network interface of this machine has the address {mac}"))
    }
}
