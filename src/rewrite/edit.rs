//! Byte-span edits: what a rewriter returns, and how they become a file's new bytes. [`super::merge`]
//! joins the edits of several changes.

use std::ops::Range;

use serde::Serialize;

use crate::names::LvName;

/// How a place spells the group or the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// `/dev/VG/LV`
    DevicePath,
    /// `/dev/VG`, on its own or before a wildcard or variable
    DeviceDirectory,
    /// `/dev/mapper/VG-LV`
    MapperPath,
    /// `/dev/disk/by-id/dm-name-VG-LV`
    ByIdPath,
    /// `dev-mapper-VG\x2dLV.device` and similar names
    UnitName,
    /// `VG/LV`, as in `rd.lvm.lv=`
    VgLv,
    /// `VG`, as in `rd.lvm.vg=`
    VgName,
    /// `VG-LV` in a field that holds a dm name
    DmName,
    /// `lvm/VG-LV`
    GrubDisk,
    /// The host name, short or full
    HostName,
    /// The machine ID
    MachineId,
    /// An SSH host key
    HostKey,
    /// The UUID of a file system or swap area
    FsUuid,
    /// The ID that a DHCP client keeps
    DhcpIdentity,
    /// The name or ID by which a storage target knows the machine
    StorageName,
    /// The address of a network interface
    MacAddress,
    /// A certificate and its key
    Certificate,
    /// `#` bytes that keep the size of a GRUB environment block
    Padding,
}

impl Form {
    /// Whether it spells a group or one of its volumes. Only these have another spelling on the bridge.
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
    /// The bytes to replace: only the group's part of the token.
    pub range: Range<usize>,
    /// The replacement.
    pub new: Vec<u8>,
    /// The whole token around it, for the report.
    pub token: Range<usize>,
    /// How the token spells the group.
    pub form: Form,
    /// The volume that the token names. None if it names only the group.
    pub volume: Option<LvName>,
}

impl Edit {
    /// The token of this edit as one that is left unchanged.
    pub fn left(self, why: &'static str) -> Left {
        Left { token: self.token, why }
    }
}

/// A token that fits the group by its form but is left unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Where it is.
    pub token: Range<usize>,
    /// Why it was left.
    pub why: &'static str,
}

/// Everything a rewriter found in one file, in the order of the file.
#[derive(Debug, Default)]
pub struct Findings {
    /// What to change. The ranges ascend and do not overlap.
    pub edits: Vec<Edit>,
    /// What to show.
    pub left: Vec<Left>,
}

impl Findings {
    /// Turns the edits whose token fulfils `is_one` into tokens that are left and shown.
    pub fn leave(&mut self, why: &'static str, is_one: impl Fn(&Range<usize>) -> bool) {
        let (left, kept): (Vec<_>, Vec<_>) =
            self.edits.drain(..).partition(|edit| is_one(&edit.token));
        self.edits = kept;
        self.left.extend(left.into_iter().map(|edit| edit.left(why)));
        self.left.sort_by_key(|left| left.token.start);
    }
}

/// The file's bytes after the edits. Bytes outside the edits' ranges are copied unchanged.
///
/// # Panics
/// If ranges overlap, descend or leave the text. That is a bug in a rewriter, and its result must not
/// reach a disk.
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
