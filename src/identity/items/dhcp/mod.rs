//! DHCP identifiers and leases. systemd-networkd derives its DUID from the machine ID and does not store it.

mod leases;
mod names;
pub mod stored;
pub mod wicked;

use super::seeds::whole;
use crate::identity::{Found, Kind, View};
pub use names::configured;
use stored::{Client, Holds, places};

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "dhcp-duid",
        hurts: "DHCP servers treat both machines as one client and give them one address",
        change: "`postclone renew dhcp`, and reboot; if a configuration sets it, remove that line, because \
                 postclone leaves it; the address may change",
        find: names::find,
    },
    Kind {
        id: "dhcp-lease",
        hurts: "the machine requests the other machine's address, and uses it while no server answers",
        change: "`postclone renew dhcp`, and reboot; the address may change",
        find: leases::find,
    },
    Kind {
        id: "dhcpcd-secret",
        hurts: "both machines derive the same stable IPv6 addresses if their interfaces' addresses are shared too",
        change: "`postclone renew dhcp`, and reboot; the derived addresses change",
        find: secret,
    },
];

/// dhcpcd's secret, in hexadecimal (dhcpcd src/ipv6.c, `ipv6_readsecret`).
fn secret(view: &View<'_>) -> Vec<Found> {
    whole(view, places(Client::Dhcpcd, Holds::Secret))
}
