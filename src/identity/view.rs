//! What finders look at: a tree, and what programs say of the running system.

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
    /// The short host name of now, in lower case.
    pub host: Option<String>,
    /// MAC addresses of the network interfaces that there are, `aa:bb:cc:dd:ee:ff` in lower case; none
    /// of a tree that is not running.
    pub nics: Option<BTreeSet<String>>,
    /// What `sshd -T` prints: a lower-case keyword and its value a line. None where it was not asked, or
    /// did not answer.
    pub sshd: Option<String>,
    /// What lsblk(8) says; none if it was not asked, or did not answer. Finders ask [`View::devices`].
    pub devices: Option<&'a [BlockDevice]>,
    /// LVM's report; none if LVM was not asked, or did not answer. Finders ask [`View::groups`].
    pub inventory: Option<&'a Inventory>,
    troubles: RefCell<Vec<String>>,
}

/// A block device, as lsblk(8) has it. Texts are empty where there is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockDevice {
    /// Its path, `/dev/vda1`.
    pub path: String,
    /// `disk`, `part`, `lvm`, `crypt`, `raid1`, `rom`, `loop`.
    pub kind: String,
    /// `ext4`, `swap`, `LVM2_member`, `crypto_LUKS`, `vfat`, `linux_raid_member`.
    pub content: String,
    /// The UUID of what is on it.
    pub uuid: String,
    /// `gpt` or `dos`, of the partition table that it is in.
    pub table: String,
    /// The partition table's own identity.
    pub table_uuid: String,
    /// Its own as a partition.
    pub part_uuid: String,
    /// A disk's serial number.
    pub serial: String,
    /// A disk's world wide name.
    pub wwn: String,
}

impl<'a> View<'a> {
    /// The files of a tree alone; what runs is for the caller to add.
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

    /// A file's bytes; none if there is no such file, and where it cannot be read, which is noted.
    pub fn bytes(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        match self.root.read(path.as_ref()) {
            Ok(source) => Some(source?.bytes),
            Err(error) => {
                self.trouble(format!("{error:#}"));
                None
            }
        }
    }

    /// The same as text; what is no UTF-8 becomes U+FFFD.
    pub fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        self.bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Paths that fit a pattern ([`Root::glob`]) and are there, sorted. A directory that cannot be listed is noted.
    pub fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        match self.root.glob(pattern) {
            Ok(paths) => paths.into_iter().filter(|path| self.root.exists(path)).collect(),
            Err(error) => {
                self.trouble(format!("{error:#}"));
                Vec::new()
            }
        }
    }

    /// Text files that fit a pattern, by path.
    pub fn texts(&self, pattern: &str) -> BTreeMap<PathBuf, String> {
        let paths = self.glob(pattern).into_iter();
        paths.filter_map(|path| self.text(&path).map(|text| (path, text))).collect()
    }

    /// The block devices; that they are not known is noted.
    pub fn devices(&self) -> &'a [BlockDevice] {
        self.devices.unwrap_or_else(|| {
            self.trouble(self.unseen("lsblk"));
            &[]
        })
    }

    /// The volume groups; that they are not known is noted.
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

    /// Notes what could not be looked at: a sentence without a full stop.
    pub fn trouble(&self, what: impl Into<String>) {
        self.troubles.borrow_mut().push(what.into());
    }

    /// What could not be looked at since this was asked last.
    pub fn take_troubles(&self) -> Vec<String> {
        self.troubles.take()
    }

    /// Why a host name hints at another machine, where it is not this one's: short names are compared, in
    /// any case. Nothing is said of `localhost`, or while this machine has no name.
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
