//! Where DHCP clients keep what they were given, and the names that they give themselves. This is the only such
//! table. The list of identities and their renewal both use it.

use std::path::Path;

use crate::glob::is_component;

/// A client that keeps files of its own. systemd-networkd keeps its leases only under /run, and makes its DUID from
/// the machine ID (networkd.conf(5), `DUIDType=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// dhclient(8), and what NetworkManager told it to write.
    Dhclient,
    /// dhcpcd(8)
    Dhcpcd,
    /// NetworkManager's own client.
    NetworkManager,
    /// wicked(8)
    Wicked,
}

/// What a file contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Leases. dhclient's DUID is among them.
    Leases,
    /// A DUID, or something that belongs to one.
    Duid,
    /// A secret from which stable addresses and identifiers are derived.
    Secret,
}

/// A kind of file that a client keeps.
#[derive(Debug)]
pub struct Stored {
    /// The client that keeps it.
    pub client: Client,
    /// What is in it.
    pub holds: Holds,
    /// Where it is.
    pub patterns: &'static [&'static str],
}

/// All kinds of files. dhcpd(8) keeps what it leases to others beside dhclient's files.
pub const STORED: &[Stored] = &[
    Stored {
        client: Client::Dhclient,
        holds: Holds::Leases,
        patterns: &[
            "/var/lib/dhcp/dhclient*.leases",
            "/var/lib/dhcp/dhclient*.lease",
            "/var/lib/dhclient/dhclient*.leases",
            "/var/lib/dhclient/dhclient*.lease",
            "/var/lib/NetworkManager/dhclient*.lease",
        ],
    },
    // dhcpcd(8). Upstream's own directory is the last one (dhcpcd configure, `DBDIR`). Before version 7, the
    // identifiers were in /etc.
    Stored {
        client: Client::Dhcpcd,
        holds: Holds::Duid,
        patterns: &["/var/lib/dhcpcd/duid", "/etc/dhcpcd.duid", "/var/db/dhcpcd/duid"],
    },
    Stored {
        client: Client::Dhcpcd,
        holds: Holds::Leases,
        patterns: &[
            "/var/lib/dhcpcd/*.lease",
            "/var/lib/dhcpcd/*.lease6",
            "/var/lib/dhcpcd5/*.lease",
            "/var/lib/dhcpcd5/*.lease6",
            "/var/db/dhcpcd/*.lease",
            "/var/db/dhcpcd/*.lease6",
        ],
    },
    Stored {
        client: Client::Dhcpcd,
        holds: Holds::Secret,
        patterns: &["/var/lib/dhcpcd/secret", "/etc/dhcpcd.secret", "/var/db/dhcpcd/secret"],
    },
    // `internal-UUID-INTERFACE.lease`.
    Stored {
        client: Client::NetworkManager,
        holds: Holds::Leases,
        patterns: &["/var/lib/NetworkManager/*.lease"],
    },
    // NetworkManager src/core/nm-core-utils.c, `SECRET_KEY_FILE`.
    Stored {
        client: Client::NetworkManager,
        holds: Holds::Secret,
        patterns: &["/var/lib/NetworkManager/secret_key"],
    },
    // wicked src/duid.c, src/iaid.c, src/leasefile.c.
    Stored {
        client: Client::Wicked,
        holds: Holds::Duid,
        patterns: &["/var/lib/wicked/duid.xml", "/var/lib/wicked/iaid.xml"],
    },
    Stored {
        client: Client::Wicked,
        holds: Holds::Leases,
        patterns: &["/var/lib/wicked/lease-*.xml"],
    },
];

/// The places of one kind of file.
pub(in crate::identity) fn places(client: Client, holds: Holds) -> &'static [&'static str] {
    let kind = STORED.iter().find(|kind| (kind.client, kind.holds) == (client, holds));
    kind.map_or(&[], |kind| kind.patterns)
}

/// What a path contains, judged only by where it is. `None` if no client keeps a file there.
pub fn holds(path: &Path) -> Option<Holds> {
    let path = path.to_str()?;
    let fits = |pattern: &&str| {
        let (one, other) = (path.rsplit_once('/'), pattern.rsplit_once('/'));
        one.zip(other).is_some_and(|((dir, name), (of, pattern))| {
            dir == of && is_component(name.as_bytes(), pattern)
        })
    };
    STORED.iter().find(|kind| kind.patterns.iter().any(fits)).map(|kind| kind.holds)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree;
    use super::super::super::{dhcp, seeds};
    use super::*;

    #[test]
    fn a_place_is_told_by_its_path() {
        for (path, wanted) in [
            ("/var/lib/dhcp/dhclient.eth0.leases", Some(Holds::Leases)),
            ("/var/lib/dhcpcd/secret", Some(Holds::Secret)),
            ("/var/db/dhcpcd/duid", Some(Holds::Duid)),
            ("/var/lib/dhcp/dhcpd.leases", None),
            ("/var/lib/dhcp/x/dhclient.leases", None),
            ("/etc/shadow", None),
            ("duid", None),
        ] {
            assert_eq!(holds(Path::new(path)), wanted, "{path}");
        }
    }

    #[test]
    fn the_list_of_identities_looks_at_every_place() {
        let kinds: Vec<_> = dhcp::KINDS.iter().chain(seeds::KINDS).collect();
        for stored in STORED {
            for pattern in stored.patterns {
                let path = pattern.replace('*', "-0-eth0");
                let text = match (stored.client, stored.holds) {
                    (Client::Dhclient, _) => "lease {\n  fixed-address 192.0.2.5;\n}\n",
                    (Client::NetworkManager, Holds::Leases) => "ADDRESS=192.0.2.5\n",
                    (Client::Wicked, Holds::Leases) => "<lease><local>192.0.2.5/24</local></lease>",
                    (Client::Wicked, _) => "<duid>00:04:01</duid><iaid device=\"eth0\">1</iaid>",
                    _ => "00:01:02:03",
                };
                let tree = tree(&[(&path[1..], text)]);
                let view = tree.view();
                let finds = |kind: &&&crate::identity::Kind| {
                    (kind.find)(&view).iter().any(|found| found.place == path)
                };
                assert_eq!(kinds.iter().filter(finds).count(), 1, "{path}");
            }
        }
    }
}
