//! The name that a DHCP client gives itself: its DUID (RFC 8415, 11), or a client identifier (RFC 2132, 9.14).

use super::super::lines::{distinct, files, settings, uncommented, unquoted};
use super::stored::{Client, Holds, places};
use super::wicked;
use crate::identity::{Found, View};

/// The configuration of dhclient (dhclient.conf(5)).
const DHCLIENT_CONF: &[&str] =
    &["/etc/dhcp/dhclient*.conf", "/etc/dhclient*.conf", "/etc/dhcp3/dhclient.conf"];

/// The configuration of systemd-networkd (networkd.conf(5), systemd.network(5)).
const NETWORKD: &[&str] = &[
    "/etc/systemd/networkd.conf",
    "/etc/systemd/networkd.conf.d/*.conf",
    "/etc/systemd/network/*.network",
    "/etc/systemd/network/*.network.d/*.conf",
];

/// The configuration of NetworkManager (nm-settings-keyfile(5), NetworkManager.conf(5)), and the ifcfg files that
/// NetworkManager and initscripts read.
const NETWORK_MANAGER: &[&str] = &[
    "/etc/NetworkManager/NetworkManager.conf",
    "/etc/NetworkManager/conf.d/*.conf",
    "/etc/NetworkManager/system-connections/*",
    "/etc/sysconfig/network-scripts/ifcfg-*",
];

/// The configuration of dhcpcd (dhcpcd.conf(5)).
const DHCPCD_CONF: &[&str] = &["/etc/dhcpcd.conf"];

/// The configuration of ifupdown (interfaces(5)).
const INTERFACES: &[&str] = &["/etc/network/interfaces", "/etc/network/interfaces.d/*"];

/// Values that tell NetworkManager how to make an identifier, and are not identifiers themselves (nm-settings(5),
/// `dhcp-client-id` and `dhcp-duid`).
const WAYS: &[&str] = &[
    "mac",
    "perm-mac",
    "duid",
    "ipv6-duid",
    "stable",
    "none",
    "lease",
    "ll",
    "llt",
    "stable-ll",
    "stable-llt",
    "stable-uuid",
];

/// Finds the identifiers in a file's text.
type Identifiers = fn(&str) -> Vec<String>;

/// Each file with identifiers, and those in it.
pub(super) fn find(view: &View<'_>) -> Vec<Found> {
    let mut found = in_files(
        view,
        &[
            (places(Client::Dhcpcd, Holds::Duid), of_dhcpcd),
            (places(Client::Dhclient, Holds::Leases), of_dhclient),
            (places(Client::Wicked, Holds::Duid), of_wicked),
        ],
    );
    found.extend(configured(view));
    found
}

/// The same, only in configurations. Somebody has set these on purpose.
pub fn configured(view: &View<'_>) -> Vec<Found> {
    in_files(
        view,
        &[
            (DHCLIENT_CONF, of_dhclient),
            (DHCPCD_CONF, of_dhcpcd_conf),
            (INTERFACES, of_interfaces),
            (NETWORKD, of_networkd),
            (NETWORK_MANAGER, of_network_manager),
        ],
    )
}

fn in_files(view: &View<'_>, forms: &[(&[&str], Identifiers)]) -> Vec<Found> {
    let mut found = Vec::new();
    for (patterns, identifiers) in forms {
        for (path, text) in files(view, patterns) {
            let values = distinct(identifiers(&text));
            if !values.is_empty() {
                found.push(Found::many(path, values));
            }
        }
    }
    found
}

/// Hexadecimal bytes with colons between them. dhcpcd writes `# ` before remarks.
fn of_dhcpcd(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| uncommented(line).trim().to_lowercase());
    lines.filter(|line| is_hexadecimal(line)).take(1).collect()
}

/// wicked's DUID, and its interfaces' IAIDs, which belong to it (RFC 4361, 6.1).
fn of_wicked(text: &str) -> Vec<String> {
    ["duid", "iaid"].iter().flat_map(|name| wicked::elements(&text.to_lowercase(), name)).collect()
}

/// `clientid` followed by a text. Without a text, dhcpcd makes an identifier from the interface's address.
fn of_dhcpcd_conf(text: &str) -> Vec<String> {
    second_words(text, "clientid")
}

/// `client` of the method dhcp. `no` means that there is none.
fn of_interfaces(text: &str) -> Vec<String> {
    second_words(text, "client").into_iter().filter(|word| word != "no").collect()
}

/// The second word of each line that begins with this word.
fn second_words(text: &str, first: &str) -> Vec<String> {
    let own = |line: &str| {
        let mut words = line.split_whitespace();
        (words.next() == Some(first)).then(|| words.next().map(|word| unquoted(word).to_owned()))?
    };
    text.lines().filter_map(own).filter(|word| !word.starts_with('#')).collect()
}

/// `send dhcp-client-identifier`, and `default-duid "..."`, which dhclient writes into its leases and also reads from
/// its configuration. An expression (`= hardware`) is not an identifier.
fn of_dhclient(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in text.lines().map(str::trim_start).filter(|line| !line.starts_with('#')) {
        for key in ["default-duid", "dhcp-client-identifier", "dhcp6.client-id"] {
            let Some((before, after)) = line.split_once(key) else { continue };
            let sent = before.split_whitespace().next_back() == Some("send");
            if sent || key == "default-duid" && before.is_empty() {
                all.extend(literal(after));
            }
        }
    }
    all
}

/// A quoted text as it is written, or hexadecimal bytes, up to the semicolon.
fn literal(text: &str) -> Option<String> {
    let text = text.strip_prefix(char::is_whitespace)?.trim_start();
    let text = text.strip_prefix('=').unwrap_or(text).trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let bare = text.split(';').next().unwrap_or_default().trim().to_lowercase();
        return is_hexadecimal(&bare).then_some(bare);
    };
    let mut is_escaped = false;
    let end = quoted.find(|letter| {
        let ends = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends
    })?;
    (end > 0).then(|| quoted[..end].to_owned())
}

/// `DUIDRawData=` in any section.
fn of_networkd(text: &str) -> Vec<String> {
    let own = settings(text).filter(|setting| setting.key == "DUIDRawData");
    own.map(|setting| setting.value.to_lowercase()).collect()
}

/// `dhcp-client-id=` and `dhcp-duid=` of a profile. In NetworkManager's own configuration, `ipv4.` or `ipv6.` comes
/// before them. Any text that does not tell how to make an identifier is one.
fn of_network_manager(text: &str) -> Vec<String> {
    let own = settings(text).filter(|setting| {
        let key = setting.key.rsplit('.').next().unwrap_or_default();
        matches!(key, "dhcp-client-id" | "dhcp-duid" | "DHCP_CLIENT_ID" | "DHCPV6_DUID")
    });
    let values = own.map(|setting| {
        let value = unquoted(setting.value);
        if is_hexadecimal(value) { value.to_lowercase() } else { value.to_owned() }
    });
    values.filter(|value| !WAYS.contains(&value.as_str())).collect()
}

/// At least three hexadecimal bytes with colons between them, of one or two digits each.
fn is_hexadecimal(text: &str) -> bool {
    let is_byte = |part: &str| {
        matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    text.split(':').count() >= 3 && text.split(':').all(is_byte)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree;
    use super::*;

    #[test]
    fn dhcpcds_file_has_nothing_else() {
        let duid = "00:01:00:01:2c:0A:1b:3d:52:54:00:aa:00:01";
        let tree = tree(&[
            ("var/lib/dhcpcd/duid", &format!("# why\n{duid}\n")),
            ("etc/dhcpcd.duid", "\n"),
            ("var/lib/dhcpcd/secret", "aa:bb:cc:dd"),
        ]);
        let wanted = [Found::one("/var/lib/dhcpcd/duid", duid.to_lowercase())];
        assert_eq!(find(&tree.view()), wanted);
    }

    #[test]
    fn a_configuration_may_set_one_or_a_way_to_make_one() {
        let conf = "#clientid x\nclientid\nclientid # mac\n  clientid \"Tmpl\"\nduid\n";
        assert_eq!(of_dhcpcd_conf(conf), ["Tmpl"]);
        let interfaces =
            "iface eth0 inet dhcp\n  client tmpl\n  hostname x\niface eth1 inet dhcp\n client no\n";
        assert_eq!(of_interfaces(interfaces), ["tmpl"]);
        let tree = tree(&[
            ("etc/dhcpcd.conf", conf),
            ("etc/network/interfaces.d/eth0", interfaces),
            ("var/lib/dhcpcd/duid", "00:01:02:03"),
        ]);
        let places: Vec<_> = configured(&tree.view()).into_iter().map(|one| one.place).collect();
        assert_eq!(places, ["/etc/dhcpcd.conf", "/etc/network/interfaces.d/eth0"]);
    }

    #[test]
    fn wickeds_iaids_count_as_well() {
        let tree = tree(&[
            ("var/lib/wicked/duid.xml", "<duid>00:04:AA:01</duid>\n"),
            ("var/lib/wicked/iaid.xml", "<iaid device=\"eth0\">1</iaid>\n"),
        ]);
        let wanted = [
            Found::one("/var/lib/wicked/duid.xml", "00:04:aa:01"),
            Found::one("/var/lib/wicked/iaid.xml", "1"),
        ];
        assert_eq!(find(&tree.view()), wanted);
    }

    #[test]
    fn dhclient_quotes_its_duid() {
        let quoted = r#"\000\001;x\"y\\"#;
        let tree = tree(&[
            (
                "var/lib/dhcp/dhclient6.eth0.leases",
                &format!("default-duid \"{quoted}\";\nlease6 {{\n}}\n"),
            ),
            ("var/lib/dhclient/dhclient--eth0.lease", "default-duid 0:1:0:1:2C:A;\n"),
            (
                "var/lib/dhclient/dhclient.leases",
                "#default-duid \"x\";\nlease {\n  default-duids \"x\";\n}\n",
            ),
            // Leases that a server gives to others, and the server's own name.
            ("var/lib/dhcp/dhcpd.leases", "server-duid \"x\";\ndefault-duid \"x\";\n"),
        ]);
        let wanted = [
            Found::one("/var/lib/dhcp/dhclient6.eth0.leases", quoted),
            Found::one("/var/lib/dhclient/dhclient--eth0.lease", "0:1:0:1:2c:a"),
        ];
        assert_eq!(find(&tree.view()), wanted);
    }

    #[test]
    fn an_expression_of_dhclients_is_no_identifier() {
        let conf = "#send dhcp-client-identifier 1:0:a0:24:ab:fb:9c;\n\
            send dhcp-client-identifier = hardware;\nsend host-name = gethostname();\n\
            request dhcp-client-identifier;\nsend dhcp-client-identifier \"\";\n";
        assert_eq!(of_dhclient(conf), Vec::<String>::new());
        let conf = "interface \"eth0\" { send dhcp-client-identifier 1:0:A0:24; }\n\
            send dhcp-client-identifier \"tmpl\";\nsend dhcp-client-identifier = \"x";
        assert_eq!(of_dhclient(conf), ["1:0:a0:24", "tmpl"]);
    }

    #[test]
    fn networkd_is_told_in_any_section() {
        let tree = tree(&[
            ("etc/systemd/networkd.conf", "[DHCPv4]\n#DUIDRawData=00:01\nDUIDRawData=\n"),
            (
                "etc/systemd/networkd.conf.d/a.conf",
                "[DHCPv6]\nDUIDType=vendor\nDUIDRawData=00:00:AB:11\n",
            ),
            (
                "etc/systemd/network/a.network",
                "[DHCPv4]\nDUIDRawData=00:01:02\nClientIdentifier=mac\n",
            ),
        ]);
        let wanted = [
            Found::one("/etc/systemd/networkd.conf.d/a.conf", "00:00:ab:11"),
            Found::one("/etc/systemd/network/a.network", "00:01:02"),
        ];
        assert_eq!(find(&tree.view()), wanted);
    }

    #[test]
    fn a_way_to_make_an_identifier_is_none() {
        let profile = |id: &str, duid: &str| {
            format!("[ipv4]\ndhcp-client-id={id}\ndhcp-iaid=mac\n[ipv6]\ndhcp-duid={duid}\n")
        };
        for (id, duid) in [("mac", "ll"), ("stable", "stable-uuid"), ("", "lease")] {
            assert_eq!(of_network_manager(&profile(id, duid)), Vec::<String>::new());
        }
        assert_eq!(of_network_manager(&profile("01:52:AA", "stable")), ["01:52:aa"]);
        assert_eq!(of_network_manager(&profile("Tmpl", "0:4:6")), ["Tmpl", "0:4:6"]);
        assert_eq!(
            of_network_manager("[connection]\nipv4.dhcp-client-id=a1:b2:c3\n"),
            ["a1:b2:c3"]
        );
        assert_eq!(of_network_manager("DHCP_CLIENT_ID=\"tmpl\"\nDHCP_HOSTNAME=tmpl\n"), ["tmpl"]);
    }
}
