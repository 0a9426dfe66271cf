//! What makes a clone a machine of its own.

use clap::{Args, ValueEnum};

use super::{Item, RunArgs};
use crate::host::Spelling;

/// Arguments of `postclone fixup`.
#[derive(Debug, Args)]
pub struct FixupArgs {
    /// The new name of this machine, short or with its domain
    ///
    /// [default: its host name, if that is no longer the template's; else the name that cloud-init,
    /// Hyper-V or VMware has for it, after a question]
    #[arg(long, value_name = "NAME", value_parser = super::parse_host_name)]
    pub name: Option<Spelling>,

    /// Change these parts as well (separated by commas)
    #[arg(long, value_name = "ITEM", value_enum, value_delimiter = ',', conflicts_with = "only")]
    pub with: Vec<Part>,

    /// Change only these parts (separated by commas)
    #[arg(long, value_name = "ITEM", value_enum, value_delimiter = ',', conflicts_with = "except")]
    pub only: Vec<Part>,

    /// Leave these parts as they are (separated by commas)
    #[arg(long, value_name = "ITEM", value_enum, value_delimiter = ',')]
    pub except: Vec<Part>,

    /// If nothing shows that this machine is a clone, do nothing and exit with status 0
    ///
    /// For a service that also runs in the template: the template itself stays as it is.
    #[arg(long, conflicts_with = "name")]
    pub if_clone: bool,

    /// Options of the run
    #[command(flatten)]
    pub run: RunArgs,
}

/// A part of a fixup, by the words of `postclone identity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The host name, in all its places
    HostName,
    /// The name of the volume group under /, after the host
    GroupName,
    /// The machine ID, and D-Bus's copy of it
    MachineId,
    /// The SSH server's host keys
    SshHostKeys,
    /// What DHCP clients keep: leases, DUIDs, secrets for stable addresses
    Dhcp,
    /// The random seeds of systemd, sysvinit and systemd-boot
    RandomSeeds,
    /// UUIDs of ext2, ext3, ext4 and FAT file systems, and of XFS on logical volumes at the next boot; only if named
    FsUuids,
    /// UUIDs of swap areas; only if named
    SwapUuids,
    /// UUIDs of the volume group and its physical volumes, at the next boot; only if named
    LvmUuids,
    /// The iSCSI initiator's name; only if named
    IscsiInitiator,
    /// The NVMe host's name and ID; only if named
    NvmeHost,
    /// MAC addresses in network configurations; only if named
    NetworkMacs,
    /// Debian's snakeoil certificate and its key; only if named
    SnakeoilCertificate,
}

impl Part {
    /// The part that is an item of `postclone renew`.
    pub fn of(item: Item) -> Self {
        match item {
            Item::MachineId => Self::MachineId,
            Item::SshHostKeys => Self::SshHostKeys,
            Item::Dhcp => Self::Dhcp,
            Item::RandomSeeds => Self::RandomSeeds,
            Item::IscsiInitiator => Self::IscsiInitiator,
            Item::NvmeHost => Self::NvmeHost,
            Item::NetworkMacs => Self::NetworkMacs,
            Item::SnakeoilCertificate => Self::SnakeoilCertificate,
        }
    }

    /// The kinds of identity that it changes.
    pub fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::HostName => &["host-name", "host-name-place"],
            Self::GroupName => &["group-name"],
            Self::MachineId => Item::MachineId.kinds(),
            Self::SshHostKeys => Item::SshHostKeys.kinds(),
            Self::Dhcp => Item::Dhcp.kinds(),
            Self::RandomSeeds => Item::RandomSeeds.kinds(),
            Self::FsUuids => &["fs-uuid"],
            Self::SwapUuids => &["swap-uuid"],
            Self::LvmUuids => &["pv-uuid", "vg-uuid"],
            Self::IscsiInitiator => Item::IscsiInitiator.kinds(),
            Self::NvmeHost => Item::NvmeHost.kinds(),
            Self::NetworkMacs => Item::NetworkMacs.kinds(),
            Self::SnakeoilCertificate => Item::SnakeoilCertificate.kinds(),
        }
    }

    /// Whether a fixup changes it without being told to.
    fn is_default(self) -> bool {
        matches!(self, Self::HostName | Self::GroupName)
            || Item::value_variants()
                .iter()
                .any(|item| item.is_default() && Self::of(*item) == self)
    }
}

impl FixupArgs {
    /// Whether a part is asked for.
    pub fn asks(&self, part: Part) -> bool {
        let is_chosen = if self.only.is_empty() {
            part.is_default() || self.with.contains(&part)
        } else {
            self.only.contains(&part)
        };
        is_chosen && !self.except.contains(&part)
    }
}
