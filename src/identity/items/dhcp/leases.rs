//! Addresses that DHCP clients were given, and request again.

use std::net::Ipv4Addr;

use super::super::lines::{distinct, files, name_of, settings};
use super::stored::{Client, Holds, places};
use super::wicked;
use crate::identity::{Found, View};

/// Where a DHCP message has the client's address (RFC 2131, 2, `yiaddr`), and where its options begin.
const ADDRESS: std::ops::Range<usize> = 16..20;
const COOKIE: (usize, [u8; 4]) = (236, [99, 130, 83, 99]);

/// Each lease file, with the interfaces and addresses in it, like `eth0 192.0.2.5`.
pub(super) fn find(view: &View<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut add = |path: String, values: Vec<Vec<u8>>| {
        if !values.is_empty() {
            found.push(Found::many(path, values));
        }
    };
    for (path, text) in files(view, places(Client::Dhclient, Holds::Leases)) {
        add(path, distinct(of_dhclient(&text)));
    }
    for pattern in places(Client::Dhcpcd, Holds::Leases) {
        for path in view.glob(pattern) {
            let name = name_of(&path);
            let interface = name.rsplit_once('.').map_or("", |(interface, _)| interface);
            let bytes = view.bytes(&path).unwrap_or_default();
            add(path.display().to_string(), of_dhcpcd(interface, bytes).into_iter().collect());
        }
    }
    for (path, text) in files(view, places(Client::NetworkManager, Holds::Leases)) {
        let name = path.rsplit('/').next().unwrap_or_default();
        if !name.starts_with("dhclient") {
            add(path.clone(), distinct(of_network_manager(name, &text)));
        }
    }
    for (path, text) in files(view, places(Client::Wicked, Holds::Leases)) {
        add(path, distinct(wicked::elements(&text, "local")));
    }
    found
}

/// The addresses in dhclient's leases (dhclient.leases(5)). Each lease names its interface before its address.
fn of_dhclient(text: &str) -> Vec<String> {
    let (mut interface, mut all) = ("", Vec::new());
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(key), Some(value)) = (words.next(), words.next()) else { continue };
        let value = value.trim_end_matches(';').trim_matches('"');
        match key {
            "interface" => interface = value,
            "fixed-address" | "iaaddr" => all.push(format!("{interface} {value}")),
            _ => {}
        }
    }
    all
}

/// The address in dhcpcd's file. If the file is not a message of version 4, all of its bytes.
fn of_dhcpcd(interface: &str, bytes: Vec<u8>) -> Option<Vec<u8>> {
    let (at, cookie) = COOKIE;
    let address = bytes.get(ADDRESS).and_then(|four| <[u8; 4]>::try_from(four).ok());
    match address {
        Some(address) if bytes.get(at..).is_some_and(|rest| rest.starts_with(&cookie)) => {
            Some(format!("{interface} {}", Ipv4Addr::from(address)).into_bytes())
        }
        _ => (!bytes.is_empty()).then_some(bytes),
    }
}

/// The address in NetworkManager's file. The file's name ends with a UUID and the interface.
fn of_network_manager(name: &str, text: &str) -> Vec<String> {
    let stem = name.strip_suffix(".lease").unwrap_or(name);
    let stem = stem.strip_prefix("internal-").unwrap_or(stem);
    // A UUID has four hyphens, and an interface's name may contain more.
    let interface = stem.splitn(6, '-').nth(5).unwrap_or(stem);
    let own = settings(text).filter(|setting| setting.key == "ADDRESS");
    own.map(|setting| format!("{interface} {}", setting.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree;
    use super::*;

    #[test]
    fn dhclients_leases_name_their_interfaces() {
        let text = "default-duid \"x\";\nlease {\n  interface \"eth0\";\n  fixed-address 192.0.2.5;\n\
            \x20 option routers 192.0.2.1;\n}\nlease {\n  interface \"eth0\";\n  fixed-address 192.0.2.5;\n}\n\
            lease6 {\n  interface \"eth1\";\n  ia-na 00:aa:00:01 {\n    iaaddr 2001:db8::5 {\n    }\n  }\n}\n";
        let tree = tree(&[
            ("var/lib/dhcp/dhclient.eth0.leases", text),
            ("var/lib/dhcp/dhclient.leases", ""),
            ("var/lib/dhcp/dhcpd.leases", "lease 192.0.2.7 {\n  fixed-address 192.0.2.7;\n}\n"),
            (
                "var/lib/NetworkManager/dhclient-u-eth0.lease",
                "lease {\n  fixed-address 192.0.2.6;\n}\n",
            ),
        ]);
        let values = [b"eth0 192.0.2.5".to_vec(), b"eth1 2001:db8::5".to_vec()].to_vec();
        let wanted = [
            Found::many("/var/lib/dhcp/dhclient.eth0.leases", values),
            Found::one("/var/lib/NetworkManager/dhclient-u-eth0.lease", " 192.0.2.6"),
        ];
        assert_eq!(find(&tree.view()), wanted);
    }

    #[test]
    fn dhcpcd_keeps_the_message() {
        let mut message = vec![0; 300];
        message[ADDRESS].copy_from_slice(&[192, 0, 2, 5]);
        message[236..240].copy_from_slice(&COOKIE.1);
        let tree = tree(&[("var/lib/dhcpcd/eth1.lease", ""), ("var/lib/dhcpcd/duid", "00:01")]);
        tree.write("var/lib/dhcpcd/eth0.lease", &message);
        tree.write("var/lib/dhcpcd/eth0.lease6", &[7, 1, 2, 3]);
        let wanted = [
            Found::one("/var/lib/dhcpcd/eth0.lease", "eth0 192.0.2.5"),
            Found::one("/var/lib/dhcpcd/eth0.lease6", [7, 1, 2, 3]),
        ];
        assert_eq!(find(&tree.view()), wanted);
    }

    #[test]
    fn networkmanagers_file_is_named_after_profile_and_interface() {
        let name = "internal-6a0608c2-9d57-46d8-84d1-d2bbf6767acc-br-lan.lease";
        let text =
            "# This is private data. Do not parse.\nADDRESS=192.0.2.5\nSERVER_ADDRESS=192.0.2.1\n";
        let path = format!("var/lib/NetworkManager/{name}");
        let tree = tree(&[(&path, text), ("var/lib/NetworkManager/timestamps", "ADDRESS=1")]);
        assert_eq!(find(&tree.view()), [Found::one(format!("/{path}"), "br-lan 192.0.2.5")]);
        assert_eq!(of_network_manager("x.lease", "ADDRESS=1\n"), ["x 1"]);
    }
}
