//! The IDs and keys that a clone gets.

use clap::{Args, ValueEnum};

use super::RunArgs;

/// Arguments of `postclone renew`.
#[derive(Debug, Args)]
pub struct RenewArgs {
    /// What to renew [default: the first four]
    #[arg(value_name = "ITEM", value_enum)]
    pub items: Vec<Item>,

    /// Options of the run
    #[command(flatten)]
    pub run: RunArgs,
}

/// What can be renewed, by the words of `postclone identity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Item {
    /// The machine ID, and D-Bus's copy of it
    MachineId,
    /// The SSH server's host keys
    SshHostKeys,
    /// What DHCP clients keep: leases, DUIDs, secrets for stable addresses
    Dhcp,
    /// The random seeds of systemd, sysvinit and systemd-boot
    RandomSeeds,
    /// The iSCSI initiator's name, if no session is open
    IscsiInitiator,
    /// The NVMe host's name and ID, if no controller is connected
    NvmeHost,
    /// MAC addresses in network configurations, if the machine has one network device
    NetworkMacs,
    /// Debian's snakeoil certificate and its key
    SnakeoilCertificate,
}

impl Item {
    /// The kinds of identity that it changes.
    pub fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::MachineId => &["machine-id", "dbus-machine-id"],
            Self::SshHostKeys => &["ssh-host-key"],
            Self::Dhcp => &["dhcp-duid", "dhcp-lease", "dhcpcd-secret", "networkmanager-secret"],
            Self::RandomSeeds => &["random-seed"],
            Self::IscsiInitiator => &["iscsi-initiator"],
            Self::NvmeHost => &["nvme-hostnqn", "nvme-hostid"],
            Self::NetworkMacs => &["pinned-mac"],
            Self::SnakeoilCertificate => &["snakeoil-certificate"],
        }
    }

    /// Whether it is renewed if no item is named.
    pub fn is_default(self) -> bool {
        match self {
            Self::MachineId | Self::SshHostKeys | Self::Dhcp | Self::RandomSeeds => true,
            Self::IscsiInitiator
            | Self::NvmeHost
            | Self::NetworkMacs
            | Self::SnakeoilCertificate => false,
        }
    }
}
