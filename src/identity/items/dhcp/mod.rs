//! DHCP identifiers and leases. systemd-networkd derives its DUID from the machine ID and keeps it nowhere.

mod leases;
mod names;

use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "dhcp-duid",
        hurts: "DHCP servers take both machines for one client and give them one address",
        change: "remove the line, or dhcpcd's file, and restart the DHCP client; the address may change",
        find: names::find,
    },
    Kind {
        id: "dhcp-lease",
        hurts: "the machine asks for the address that was the other's, and uses it while no server answers",
        change: "remove the file while the DHCP client is stopped; the address may change",
        find: leases::find,
    },
];

/// The lease files of dhclient(8): its own, of version 6 as well, and those that NetworkManager had it
/// write. dhcpd(8) keeps what it leases to others beside them.
const DHCLIENT: &[&str] = &[
    "/var/lib/dhcp/dhclient*.leases",
    "/var/lib/dhcp/dhclient*.lease",
    "/var/lib/dhclient/dhclient*.leases",
    "/var/lib/dhclient/dhclient*.lease",
    "/var/lib/NetworkManager/dhclient*.lease",
];
