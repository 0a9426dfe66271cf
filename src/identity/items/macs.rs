//! MAC addresses that configurations name.

use super::lines::{distinct, files, settings, uncommented, unquoted};
use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[Kind {
    id: "pinned-mac",
    hurts: "a machine whose network interface has another address comes up without its network, and two \
            machines that set one address disturb each other",
    change: "put the address there that `ip link` shows, or name the interface instead",
    find: pinned,
}];

/// Files of one form, and how it names addresses.
struct Form {
    patterns: &'static [&'static str],
    addresses: fn(&str) -> Vec<String>,
}

/// The forms that are known.
const FORMS: &[Form] = &[
    Form { patterns: &["/etc/netplan/*.yaml", "/etc/cloud/cloud.cfg.d/*.cfg"], addresses: in_yaml },
    Form {
        patterns: &["/etc/sysconfig/network-scripts/ifcfg-*", "/etc/sysconfig/network/ifcfg-*"],
        addresses: |text| set_by(text, &["HWADDR", "MACADDR", "LLADDR"]),
    },
    Form {
        patterns: &["/etc/NetworkManager/system-connections/*"],
        addresses: |text| set_by(text, &["mac-address", "cloned-mac-address"]),
    },
    Form {
        patterns: &[
            "/etc/systemd/network/*.link",
            "/etc/systemd/network/*.link.d/*.conf",
            "/etc/systemd/network/*.netdev",
            "/etc/systemd/network/*.network",
            "/etc/systemd/network/*.network.d/*.conf",
        ],
        addresses: in_units,
    },
    Form { patterns: &["/etc/udev/rules.d/*.rules"], addresses: in_rules },
    Form {
        patterns: &["/etc/network/interfaces", "/etc/network/interfaces.d/*"],
        addresses: in_interfaces,
    },
];

/// Each file that names addresses, with those in it. It hints at another machine where no interface has
/// one of them.
fn pinned(view: &View<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for form in FORMS {
        for (path, text) in files(view, form.patterns) {
            let addresses = (form.addresses)(&text);
            let hint = addresses.iter().find_map(|address| view.other_nic(address));
            if !addresses.is_empty() {
                found.push(Found::many(path, distinct(addresses)).hinted(hint));
            }
        }
    }
    found
}

/// An address in lower case with colons. It may be written with colons or hyphens between bytes, or with
/// full stops between pairs of them (systemd.link(5)). That of nothing and that of everything are no
/// interface's.
fn mac(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let (separator, width) = [(':', 2), ('-', 2), ('.', 4)]
        .into_iter()
        .find(|(separator, _)| text.contains(*separator))?;
    let is_group =
        |group: &str| group.len() == width && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !text.split(separator).all(is_group) {
        return None;
    }
    let digits: Vec<char> = text.chars().filter(|letter| *letter != separator).collect();
    let is_any = |all: char| digits.iter().all(|digit| *digit == all);
    if digits.len() != 12 || is_any('0') || is_any('f') {
        return None;
    }
    let bytes: Vec<String> = digits.chunks(2).map(|pair| pair.iter().collect()).collect();
    Some(bytes.join(":"))
}

/// netplan's `macaddress:` and cloud-init's `mac_address:`, in blocks and between braces.
fn in_yaml(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for part in text.lines().flat_map(|line| uncommented(line).split(['{', ',', '}'])) {
        let Some((key, value)) = part.split_once(':') else { continue };
        let key = key.trim().trim_start_matches("- ").trim();
        if matches!(unquoted(key), "macaddress" | "mac_address") {
            all.extend(mac(unquoted(value)));
        }
    }
    all
}

/// What these keys are set to, where it is an address.
fn set_by(text: &str, keys: &[&str]) -> Vec<String> {
    let own = settings(text).filter(|setting| keys.contains(&setting.key));
    own.filter_map(|setting| mac(uncommented(setting.value).trim())).collect()
}

/// Those by which systemd finds an interface, and those that it sets. Other sections name other machines'.
fn in_units(text: &str) -> Vec<String> {
    let own = settings(text).filter(|setting| {
        matches!(setting.section, "Match" | "Link" | "NetDev")
            && matches!(setting.key, "MACAddress" | "PermanentMACAddress")
    });
    own.flat_map(|setting| setting.value.split_whitespace().filter_map(mac)).collect()
}

/// `ATTR{address}=="..."` in udev's rules for network interfaces (75-persistent-net-generator.rules).
fn in_rules(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let rules = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut all = Vec::new();
    for rule in rules.filter(|rule| without_blanks(rule).contains("SUBSYSTEM==\"net\"")) {
        for part in rule.split(',') {
            let part = without_blanks(part);
            let value = ["ATTR", "ATTRS", "SYSFS"]
                .iter()
                .find_map(|name| part.strip_prefix(name)?.strip_prefix("{address}=="));
            all.extend(value.and_then(|value| mac(unquoted(value))));
        }
    }
    all
}

/// A text without blanks, which udev allows around operators.
fn without_blanks(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// `hwaddress ether ADDRESS`, where `ether` may be left out (interfaces(5)).
fn in_interfaces(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() == Some("hwaddress") {
            all.extend(words.find(|word| *word != "ether").and_then(mac));
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

    #[test]
    fn addresses_have_several_forms() {
        for text in [ONE, "52:54:00:AA:00:01", "52-54-00-aa-00-01", "5254.00aa.0001"] {
            assert_eq!(mac(text).as_deref(), Some(ONE), "{text}");
        }
        let others =
            ["random", "52:54:00:aa:00", "52:54:00:aa:00:01:02", "52:54:00:aa:00:0g", "", "5é:54"];
        for text in
            others.into_iter().chain(["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "5254:00aa"])
        {
            assert_eq!(mac(text), None, "{text}");
        }
    }

    #[test]
    fn yaml_names_them_in_blocks_and_braces() {
        let text = format!(
            "# macaddress: 02:00:00:00:00:01\n      match:\n        macaddress: \"{ONE}\" # the first\n\
             \x20     match: {{name: e*, macaddress: {TWO}}}\n      macaddress: random\n\
             \x20     othermacaddress: 02:00:00:00:00:02\n  - mac_address: '52:54:00:AA:00:03'\n"
        );
        assert_eq!(in_yaml(&text), [ONE, TWO, "52:54:00:aa:00:03"]);
    }

    #[test]
    fn only_keys_of_the_own_interface_count() {
        let keys = &["mac-address", "cloned-mac-address"];
        let text = format!(
            "[ethernet]\nmac-address={}\ncloned-mac-address=stable\n#mac-address={TWO}\n\
             mac-address-blacklist={TWO}\n[wifi]\nseen-bssids={TWO};\n",
            ONE.to_uppercase()
        );
        assert_eq!(set_by(&text, keys), [ONE]);
        let text =
            format!("HWADDR=\"{ONE}\" # eth0\nMACADDR={TWO} # set\nOLD_HWADDR=02:00:00:00:00:01\n");
        assert_eq!(set_by(&text, &["HWADDR", "MACADDR", "LLADDR"]), [ONE, TWO]);
    }

    #[test]
    fn units_name_other_machines_as_well() {
        let text = format!(
            "[Match]\nMACAddress={ONE} 52-54-00-aa-00-02\n;MACAddress=02:00:00:00:00:01\n\
             PermanentMACAddress=5254.00aa.0003\n[DHCPServerStaticLease]\nMACAddress=02:00:00:00:00:02\n\
             [BridgeFDB]\nMACAddress=02:00:00:00:00:03\n[Link]\nMACAddress=52:54:00:aa:00:04\n\
             MACAddressPolicy=persistent\n"
        );
        assert_eq!(in_units(&text), [ONE, TWO, "52:54:00:aa:00:03", "52:54:00:aa:00:04"]);
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
        assert_eq!(in_rules(&text), [ONE, TWO]);
    }

    #[test]
    fn interfaces_may_leave_the_kind_out() {
        let text = format!(
            "iface eth0 inet dhcp\n  hwaddress ether {ONE}\n  hwaddress {TWO}\n  hwaddress random\n\
             # hwaddress ether 02:00:00:00:00:01\n  up ip link set eth0 address 02:00:00:00:00:02\n"
        );
        assert_eq!(in_interfaces(&text), [ONE, TWO]);
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
