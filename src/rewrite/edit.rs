//! Byte-span edits: what a rewriter gives back, and how they become a file's new bytes. Those of several
//! changes become one list in [`super::merge`].

use std::ops::Range;

use serde::Serialize;

use crate::names::LvName;

/// The way in which a place spells the group, or the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// `/dev/VG/LV`
    DevicePath,
    /// `/dev/VG`, alone or before a wildcard or variable
    DeviceDirectory,
    /// `/dev/mapper/VG-LV`
    MapperPath,
    /// `/dev/disk/by-id/dm-name-VG-LV`
    ByIdPath,
    /// `dev-mapper-VG\x2dLV.device` and its like
    UnitName,
    /// `VG/LV`, as in `rd.lvm.lv=`
    VgLv,
    /// `VG`, as in `rd.lvm.vg=`
    VgName,
    /// `VG-LV` in a field that holds a dm name
    DmName,
    /// `lvm/VG-LV`
    GrubDisk,
    /// The host's name, short or full
    HostName,
    /// The machine ID
    MachineId,
    /// A key of the SSH server's
    HostKey,
    /// The UUID of a file system or swap area
    FsUuid,
    /// What a DHCP client keeps
    DhcpIdentity,
    /// The name or ID by which a storage target knows the machine
    StorageName,
    /// A network interface's address
    MacAddress,
    /// A certificate and its key
    Certificate,
    /// `#` bytes that keep a GRUB environment block's size
    Padding,
}

impl Form {
    /// Whether it spells a group or one of its volumes: only these have another spelling while a group's
    /// name changes.
    pub fn is_of_volumes(self) -> bool {
        matches!(
            self,
            Self::DevicePath
                | Self::DeviceDirectory
                | Self::MapperPath
                | Self::ByIdPath
                | Self::UnitName
                | Self::VgLv
                | Self::VgName
                | Self::DmName
                | Self::GrubDisk
        )
    }

    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::DevicePath => "device-path",
            Self::DeviceDirectory => "device-directory",
            Self::MapperPath => "mapper-path",
            Self::ByIdPath => "by-id-path",
            Self::UnitName => "unit-name",
            Self::VgLv => "vg-lv",
            Self::VgName => "vg-name",
            Self::DmName => "dm-name",
            Self::GrubDisk => "grub-disk",
            Self::HostName => "host-name",
            Self::MachineId => "machine-id",
            Self::HostKey => "host-key",
            Self::FsUuid => "fs-uuid",
            Self::DhcpIdentity => "dhcp-identity",
            Self::StorageName => "storage-name",
            Self::MacAddress => "mac-address",
            Self::Certificate => "certificate",
            Self::Padding => "padding",
        }
    }
}

/// One replacement in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Bytes replaced: the group's part of the token only.
    pub range: Range<usize>,
    /// What stands there afterwards.
    pub new: Vec<u8>,
    /// The whole token around it, for the report.
    pub token: Range<usize>,
    /// How the token spells the group.
    pub form: Form,
    /// The volume that the token names; none if it names the group alone.
    pub volume: Option<LvName>,
}

impl Edit {
    /// The token where it is left as it is.
    pub fn left(self, why: &'static str) -> Left {
        Left { token: self.token, why }
    }
}

/// A token that fits the group by its form and was left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Where it stands.
    pub token: Range<usize>,
    /// Why it was left.
    pub why: &'static str,
}

/// Everything a rewriter found in one file, in the order of the file.
#[derive(Debug, Default)]
pub struct Findings {
    /// To be changed. Ranges ascend and do not overlap.
    pub edits: Vec<Edit>,
    /// To be shown.
    pub left: Vec<Left>,
}

impl Findings {
    /// Leaves the edits whose tokens `is_one` is true of, and shows them.
    pub fn leave(&mut self, why: &'static str, is_one: impl Fn(&Range<usize>) -> bool) {
        let (left, kept): (Vec<_>, Vec<_>) =
            self.edits.drain(..).partition(|edit| is_one(&edit.token));
        self.edits = kept;
        self.left.extend(left.into_iter().map(|edit| edit.left(why)));
        self.left.sort_by_key(|left| left.token.start);
    }
}

/// The file's bytes after the edits. Bytes outside the edits' ranges are copied as they are.
///
/// # Panics
/// Where ranges overlap, descend or leave the text: a bug in a rewriter, which must not reach a disk.
pub fn apply(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let grown: usize = edits.iter().map(|edit| edit.new.len()).sum();
    let mut after = Vec::with_capacity(text.len() + grown);
    let mut copied = 0;
    for edit in edits {
        assert!(edit.range.start >= copied, "edits overlap at byte {}", edit.range.start);
        after.extend_from_slice(&text[copied..edit.range.start]);
        after.extend_from_slice(&edit.new);
        copied = edit.range.end;
    }
    after.extend_from_slice(&text[copied..]);
    after
}
