//! MAC addresses in configurations.

mod address;

use std::path::Path;

use super::lines::{distinct, files, settings, uncommented, unquoted};
use crate::glob::is_component;
use crate::identity::{Found, Kind, View};
use address::address;
pub use address::{Address, mac, written_like};

/// The rows of this file.
pub const KINDS: &[Kind] = &[Kind {
    id: "pinned-mac",
    hurts: "a machine whose network interface has another address comes up without its network, and two \
            machines that set one address disturb each other",
    change: "`postclone renew network-macs`, if the machine has one interface; otherwise write the address from \
             `ip link` there, or name the interface instead",
    find: pinned,
}];

/// Files of one form, and how it names addresses.
#[derive(Debug)]
pub struct Form {
    /// Its word, for reports.
    pub kind: &'static str,
    /// Where its files are.
    pub patterns: &'static [&'static str],
    /// The addresses in a text, in order.
    pub addresses: fn(&str) -> Vec<Address>,
}

/// The known forms.
pub const FORMS: &[Form] = &[
    Form {
        kind: "netplan",
        patterns: &["/etc/netplan/*.yaml", "/etc/cloud/cloud.cfg.d/*.cfg"],
        addresses: in_yaml,
    },
    Form {
        kind: "ifcfg",
        patterns: &["/etc/sysconfig/network-scripts/ifcfg-*", "/etc/sysconfig/network/ifcfg-*"],
        addresses: |text| set_by(text, &["HWADDR", "MACADDR", "LLADDR"]),
    },
    Form {
        kind: "networkmanager",
        patterns: &["/etc/NetworkManager/system-connections/*"],
        addresses: |text| set_by(text, &["mac-address", "cloned-mac-address"]),
    },
    Form {
        kind: "networkd",
        patterns: &[
            "/etc/systemd/network/*.link",
            "/etc/systemd/network/*.link.d/*.conf",
            "/etc/systemd/network/*.netdev",
            "/etc/systemd/network/*.network",
            "/etc/systemd/network/*.network.d/*.conf",
        ],
        addresses: in_units,
    },
    Form { kind: "udev-rules", patterns: &["/etc/udev/rules.d/*.rules"], addresses: in_rules },
    Form {
        kind: "interfaces",
        patterns: &["/etc/network/interfaces", "/etc/network/interfaces.d/*"],
        addresses: in_interfaces,
    },
];

/// The form of the file at a path. `None` if the path is not one of the places.
pub fn form(path: &Path) -> Option<&'static Form> {
    let path = path.to_str()?;
    let fits = |pattern: &&str| {
        let (mut names, mut patterns) = (path.split('/'), pattern.split('/'));
        loop {
            match (names.next(), patterns.next()) {
                (None, None) => return true,
                (Some(name), Some(pattern)) if is_component(name.as_bytes(), pattern) => {}
                _ => return false,
            }
        }
    };
    FORMS.iter().find(|form| form.patterns.iter().any(fits))
}

/// Each file that names addresses, with its text and the addresses. Copies of files are left out.
pub fn in_files(view: &View<'_>) -> Vec<(String, String, Vec<Address>)> {
    let mut found = Vec::new();
    for form in FORMS {
        for (path, text) in files(view, form.patterns) {
            let addresses = (form.addresses)(&text);
            if !addresses.is_empty() {
                found.push((path, text, addresses));
            }
        }
    }
    found
}

/// Each such file. It has a hint at another machine if it names an address that no interface has.
fn pinned(view: &View<'_>) -> Vec<Found> {
    let found = in_files(view).into_iter().map(|(path, _, addresses)| {
        let addresses: Vec<String> = addresses.into_iter().map(|address| address.mac).collect();
        let hint = addresses.iter().find_map(|address| view.other_nic(address));
        Found::many(path, distinct(addresses)).hinted(hint)
    });
    found.collect()
}

/// netplan's `macaddress:` and cloud-init's `mac_address:`, in blocks and between braces.
fn in_yaml(text: &str) -> Vec<Address> {
    let mut all = Vec::new();
    for part in text.lines().flat_map(|line| uncommented(line).split(['{', ',', '}'])) {
        let Some((key, value)) = part.split_once(':') else { continue };
        let key = key.trim().trim_start_matches("- ").trim();
        if matches!(unquoted(key), "macaddress" | "mac_address") {
            all.extend(address(text, unquoted(value)));
        }
    }
    all
}

/// The values of these keys that are addresses.
fn set_by(text: &str, keys: &[&str]) -> Vec<Address> {
    let own = settings(text).filter(|setting| keys.contains(&setting.key));
    own.filter_map(|setting| address(text, uncommented(setting.value).trim())).collect()
}

/// Addresses by which systemd finds an interface, and those that it sets. Other sections name other machines'.
fn in_units(text: &str) -> Vec<Address> {
    let own = settings(text).filter(|setting| {
        matches!(setting.section, "Match" | "Link" | "NetDev")
            && matches!(setting.key, "MACAddress" | "PermanentMACAddress")
    });
    let words = own.flat_map(|setting| setting.value.split_whitespace());
    words.filter_map(|word| address(text, word)).collect()
}

/// `ATTR{address}=="..."` in udev's rules for network interfaces (75-persistent-net-generator.rules).
fn in_rules(text: &str) -> Vec<Address> {
    // The new text has the same length, so positions in it are also positions in the text.
    let text = text.replace("\\\n", "  ");
    let rules = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut all = Vec::new();
    for rule in rules.filter(|rule| without_blanks(rule).contains("SUBSYSTEM==\"net\"")) {
        for part in rule.split(',') {
            let part = part.trim_start();
            let value = ["ATTRS", "ATTR", "SYSFS"].iter().find_map(|name| {
                let rest = part.strip_prefix(name)?.strip_prefix("{address}")?;
                rest.trim_start().strip_prefix("==")
            });
            all.extend(value.and_then(|value| address(&text, unquoted(value))));
        }
    }
    all
}

/// A text without blanks. udev allows them around operators.
fn without_blanks(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// `hwaddress ether ADDRESS`. `ether` may be left out (interfaces(5)).
fn in_interfaces(text: &str) -> Vec<Address> {
    let mut all = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() == Some("hwaddress") {
            let word = words.find(|word| *word != "ether");
            all.extend(word.and_then(|word| address(text, word)));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::testing::tree;
    use super::*;

    const ONE: &str = "52:54:00:aa:00:01";
    const TWO: &str = "52:54:00:aa:00:02";

    /// The addresses. Each must be where its range says.
    fn macs(text: &str, found: &[Address]) -> Vec<String> {
        for one in found {
            assert_eq!(mac(&text[one.range.clone()]).as_ref(), Some(&one.mac));
        }
        found.iter().map(|one| one.mac.clone()).collect()
    }

    #[test]
    fn a_path_has_one_form() {
        for (path, kind) in [
            ("/etc/netplan/50-cloud-init.yaml", Some("netplan")),
            ("/etc/systemd/network/a.network.d/b.conf", Some("networkd")),
            ("/etc/network/interfaces", Some("interfaces")),
            ("/etc/network/interfaces/x/y", None),
            ("/etc/shadow", None),
        ] {
            assert_eq!(form(Path::new(path)).map(|form| form.kind), kind, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_address_stands_where_it_is_said_to(
            text in "(SUBSYSTEM==\"net\",|ATTR\\{address\\}==|hwaddress |macaddress: |HWADDR=|\\[Match\\]\n|MACAddress=|52:54:00:aa:00:01|5254.00AA.0001|[ \"'#,=\\\\\n\u{e9}]){0,12}"
        ) {
            for form in FORMS {
                let mut end = 0;
                for one in (form.addresses)(&text) {
                    proptest::prop_assert!(one.range.start >= end);
                    proptest::prop_assert_eq!(mac(&text[one.range.clone()]), Some(one.mac));
                    end = one.range.end;
                }
            }
        }
    }

    #[test]
    fn yaml_names_them_in_blocks_and_braces() {
        let text = format!(
            "# macaddress: 02:00:00:00:00:01\n      match:\n        macaddress: \"{ONE}\" # the first\n\
             \x20     match: {{name: e*, macaddress: {TWO}}}\n      macaddress: random\n\
             \x20     othermacaddress: 02:00:00:00:00:02\n  - mac_address: '52:54:00:AA:00:03'\n"
        );
        assert_eq!(macs(&text, &in_yaml(&text)), [ONE, TWO, "52:54:00:aa:00:03"]);
    }

    #[test]
    fn only_keys_of_the_own_interface_count() {
        let keys = &["mac-address", "cloned-mac-address"];
        let text = format!(
            "[ethernet]\nmac-address={}\ncloned-mac-address=stable\n#mac-address={TWO}\n\
             mac-address-blacklist={TWO}\n[wifi]\nseen-bssids={TWO};\n",
            ONE.to_uppercase()
        );
        assert_eq!(macs(&text, &set_by(&text, keys)), [ONE]);
        let text =
            format!("HWADDR=\"{ONE}\" # eth0\nMACADDR={TWO} # set\nOLD_HWADDR=02:00:00:00:00:01\n");
        let found = set_by(&text, &["HWADDR", "MACADDR", "LLADDR"]);
        assert_eq!(macs(&text, &found), [ONE, TWO]);
    }

    #[test]
    fn units_name_other_machines_as_well() {
        let text = format!(
            "[Match]\nMACAddress={ONE} 52-54-00-aa-00-02\n;MACAddress=02:00:00:00:00:01\n\
             PermanentMACAddress=5254.00aa.0003\n[DHCPServerStaticLease]\nMACAddress=02:00:00:00:00:02\n\
             [BridgeFDB]\nMACAddress=02:00:00:00:00:03\n[Link]\nMACAddress=52:54:00:aa:00:04\n\
             MACAddressPolicy=persistent\n"
        );
        assert_eq!(
            macs(&text, &in_units(&text)),
            [ONE, TWO, "52:54:00:aa:00:03", "52:54:00:aa:00:04"]
        );
    }

    #[test]
    fn rules_are_for_network_interfaces() {
        let text = format!(
            "# SUBSYSTEM==\"net\", ATTR{{address}}==\"02:00:00:00:00:01\"\n\
             SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{address}}==\"{ONE}\", NAME=\"eth0\"\n\
             SUBSYSTEM == \"net\", \\\n  ATTRS{{address}} == \"{TWO}\", NAME=\"eth1\"\n\
             SUBSYSTEM==\"net\", ATTR{{address}}!=\"02:00:00:00:00:02\"\n\
             SUBSYSTEM==\"bluetooth\", ATTR{{address}}==\"02:00:00:00:00:03\"\n"
        );
        assert_eq!(macs(&text, &in_rules(&text)), [ONE, TWO]);
    }

    #[test]
    fn interfaces_may_leave_the_kind_out() {
        let text = format!(
            "iface eth0 inet dhcp\n  hwaddress ether {ONE}\n  hwaddress {TWO}\n  hwaddress random\n\
             # hwaddress ether 02:00:00:00:00:01\n  up ip link set eth0 address 02:00:00:00:00:02\n"
        );
        assert_eq!(macs(&text, &in_interfaces(&text)), [ONE, TWO]);
    }

    #[test]
    fn a_file_is_found_once_and_hints_where_no_interface_fits() {
        let netplan =
            format!("a:\n  macaddress: {ONE}\nb:\n  macaddress: {TWO}\nc:\n  macaddress: {ONE}\n");
        let tree = tree(&[
            ("etc/netplan/50-cloud-init.yaml", &netplan),
            ("etc/netplan/50-cloud-init.yaml.bak", &netplan),
            ("etc/sysconfig/network-scripts/ifcfg-eth0.rpmsave", &format!("HWADDR={ONE}\n")),
            ("etc/network/interfaces", "iface lo inet loopback\n"),
        ]);
        let mut view = tree.view();
        let values = vec![ONE.as_bytes().to_vec(), TWO.as_bytes().to_vec()];
        let wanted = Found::many("/etc/netplan/50-cloud-init.yaml", values);
        assert_eq!(pinned(&view), std::slice::from_ref(&wanted));
        view.nics = Some([ONE.to_owned()].into());
        assert!(pinned(&view)[0].hint.as_ref().is_some_and(|hint| hint.contains(TWO)));
        view.nics = Some([ONE.to_owned(), TWO.to_owned()].into());
        assert_eq!(pinned(&view), [wanted]);
    }
}
