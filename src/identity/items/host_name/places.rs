//! The places of the host name, and its form in each.

use super::super::settings::{Between, bare, is_comment, values, yaml};
use super::mail;

/// Takes the names from a file's text, in groups of names of one host.
type Take = fn(&str) -> Vec<Vec<String>>;

/// Every place except hostname(5): a pattern of paths, and a function that takes the names.
pub(super) const ALL: &[(&str, Take)] = &[
    ("/etc/hosts", hosts),
    // Mail.
    ("/etc/mailname", mail::mailname),
    ("/etc/postfix/main.cf", mail::postfix),
    ("/etc/exim4/update-exim4.conf.conf", mail::exim),
    ("/var/cache/debconf/config.dat", mail::debconf),
    // Names that are sent to DHCP servers.
    ("/etc/dhclient.conf", dhclient),
    ("/etc/dhcp/dhclient*.conf", dhclient),
    ("/etc/dhcp/dhclient.conf.d/*.conf", dhclient),
    ("/etc/NetworkManager/NetworkManager.conf", network_manager),
    ("/etc/NetworkManager/conf.d/*.conf", network_manager),
    ("/etc/NetworkManager/system-connections/*", network_manager),
    ("/etc/systemd/network/*.network", |text| equals(text, &["DHCP", "DHCPv4"], &["Hostname"])),
    ("/etc/systemd/network/*/*.conf", |text| equals(text, &["DHCP", "DHCPv4"], &["Hostname"])),
    ("/etc/netplan/*.yaml", netplan),
    // Files that set the name at boot.
    ("/etc/cloud/cloud.cfg", cloud_init),
    ("/etc/cloud/cloud.cfg.d/*.cfg", cloud_init),
    // Servers and agents.
    ("/etc/samba/smb.conf", |text| equals(text, &["global"], &["netbios name"])),
    ("/etc/snmp/snmpd.conf", |text| space(text, &["sysName"])),
    ("/etc/snmp/snmpd.conf.d/*.conf", |text| space(text, &["sysName"])),
    ("/etc/zabbix/zabbix_agent*.conf", zabbix),
    ("/etc/zabbix/zabbix_agentd.d/*.conf", zabbix),
    ("/etc/zabbix/zabbix_agentd.conf.d/*.conf", zabbix),
    ("/etc/zabbix/zabbix_agent2.d/*.conf", zabbix),
    ("/etc/munin/munin-node.conf", |text| space(text, &["host_name"])),
    ("/etc/collectd.conf", |text| space(text, &["Hostname"])),
    ("/etc/collectd/collectd.conf", |text| space(text, &["Hostname"])),
    ("/etc/telegraf/telegraf.conf", |text| equals(text, &["agent"], &["hostname"])),
    ("/etc/telegraf/telegraf.d/*.conf", |text| equals(text, &["agent"], &["hostname"])),
    ("/etc/salt/minion_id", first_line),
    ("/etc/salt/minion", salt),
    ("/etc/salt/minion.d/*.conf", salt),
    ("/etc/puppet/puppet.conf", |text| equals(text, &[], &["certname"])),
    ("/etc/puppetlabs/puppet/puppet.conf", |text| equals(text, &[], &["certname"])),
    ("/etc/icinga2/constants.conf", |text| equals(text, &[], &["const NodeName"])),
    ("/etc/bacula/bacula-fd.conf", bacula),
];

/// hosts(5): the names of 127.0.1.1, which Debian gives to the host, and names beside `localhost`.
fn hosts(text: &str) -> Vec<Vec<String>> {
    let mut groups = Vec::new();
    for line in text.lines().filter_map(|line| line.split('#').next()) {
        let mut words = line.split_whitespace();
        if let Some("127.0.1.1" | "127.0.0.1" | "::1") = words.next() {
            groups.push(words.map(str::to_owned).collect());
        }
    }
    groups
}

/// dhclient.conf(5): `send host-name "tmpl";`, and statements that override a server's answer. An expression such as
/// `gethostname()` has no quotes.
fn dhclient(text: &str) -> Vec<Vec<String>> {
    let text: String =
        text.lines().filter_map(|line| line.split('#').next()).collect::<Vec<_>>().join("\n");
    let statement = |statement: &str| {
        let mut words = statement.split_whitespace();
        let is_set = matches!(words.next()?, "send" | "supersede" | "default")
            && matches!(words.next()?, "host-name" | "fqdn.fqdn");
        let value = words.next().filter(|word| is_set && word.starts_with('"'))?;
        Some(vec![bare(value)])
    };
    text.split([';', '{', '}']).filter_map(statement).collect()
}

/// NetworkManager's keyfiles and NetworkManager.conf(5).
fn network_manager(text: &str) -> Vec<Vec<String>> {
    equals(text, &[], &["dhcp-hostname", "dhcp-fqdn", "hostname"])
}

/// netplan's overrides of DHCP.
fn netplan(text: &str) -> Vec<Vec<String>> {
    yaml_at(text, |keys| {
        matches!(keys, [.., over, key] if key == "hostname"
            && (over == "dhcp4-overrides" || over == "dhcp6-overrides"))
    })
}

/// cloud-init's modules for the name. Deeper keys are, for example, in the text of a file to write.
fn cloud_init(text: &str) -> Vec<Vec<String>> {
    yaml_at(text, |keys| matches!(keys, [key] if key == "hostname" || key == "fqdn"))
}

/// `id` at the top level.
fn salt(text: &str) -> Vec<Vec<String>> {
    yaml_at(text, |keys| matches!(keys, [key] if key == "id"))
}

/// One `Hostname` may contain several names.
fn zabbix(text: &str) -> Vec<Vec<String>> {
    let all = values(text, Between::Equals, &[], &["Hostname"]);
    all.iter().map(|names| names.split(',').map(str::to_owned).collect()).collect()
}

/// The daemon's own name, without the ending that Debian adds. Blocks of directors have names, too.
fn bacula(text: &str) -> Vec<Vec<String>> {
    let text: String =
        text.lines().filter_map(|line| line.split('#').next()).collect::<Vec<_>>().join("\n");
    let blocks = text.split('}').filter_map(|block| block.split_once('{'));
    let own = blocks.filter(|(head, _)| {
        let kind = head.split_whitespace().last().unwrap_or_default();
        kind.eq_ignore_ascii_case("FileDaemon") || kind.eq_ignore_ascii_case("Client")
    });
    let names =
        own.flat_map(|(_, body)| values(&body.replace(';', "\n"), Between::Equals, &[], &["Name"]));
    names.map(|name| vec![name.strip_suffix("-fd").unwrap_or(&name).to_owned()]).collect()
}

fn first_line(text: &str) -> Vec<Vec<String>> {
    let line = text.lines().map(str::trim).find(|line| !is_comment(line));
    line.map(|line| vec![line.to_owned()]).into_iter().collect()
}

fn equals(text: &str, sections: &[&str], keys: &[&str]) -> Vec<Vec<String>> {
    values(text, Between::Equals, sections, keys).into_iter().map(|value| vec![value]).collect()
}

fn space(text: &str, keys: &[&str]) -> Vec<Vec<String>> {
    values(text, Between::Space, &[], keys).into_iter().map(|value| vec![value]).collect()
}

fn yaml_at(text: &str, is_it: impl Fn(&[String]) -> bool) -> Vec<Vec<String>> {
    let all = yaml(text).into_iter().filter(|(keys, _)| is_it(keys));
    all.map(|(_, value)| vec![value]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(path: &str, text: &str) -> String {
        let rows: Vec<_> = ALL.iter().filter(|(pattern, _)| *pattern == path).collect();
        assert_eq!(rows.len(), 1, "{path}");
        (rows[0].1)(text).concat().join(" ")
    }

    #[test]
    fn each_place_gives_its_name_and_no_look_alike() {
        for (path, text, names) in [
            (
                "/etc/hosts",
                "127.0.1.1 a.b a # c\n#127.0.1.1 d\n10.0.0.1 e\n::1 f\n127.0.0.11 g",
                "a.b a f",
            ),
            (
                "/etc/dhclient.conf",
                "#send host-name \"no\";\nsend host-name \"a\" ; # x\ninterface \"e\" { send host-name \"b\"; }",
                "a b",
            ),
            (
                "/etc/dhcp/dhclient*.conf",
                "send host-name = gethostname();\nsend dhcp-client-identifier \"no\";\nrequest host-name;",
                "",
            ),
            (
                "/etc/NetworkManager/system-connections/*",
                "[ipv4]\ndhcp-hostname=a\ndhcp-send-hostname=false\n[ipv6]\ndhcp-hostname=b",
                "a b",
            ),
            (
                "/etc/NetworkManager/conf.d/*.conf",
                "[main]\nhostname-mode=none\n[keyfile]\nhostname=a",
                "a",
            ),
            (
                "/etc/systemd/network/*.network",
                "[DHCPServerStaticLease]\nHostname=no\n[DHCPv4]\nSendHostname=yes\nHostname=a",
                "a",
            ),
            (
                "/etc/netplan/*.yaml",
                "network:\n  ethernets:\n    e:\n      dhcp4-overrides:\n        use-hostname: true\n        hostname: a\n      dhcp6-overrides: {hostname: b}\n      hostname: no",
                "a b",
            ),
            (
                "/etc/cloud/cloud.cfg",
                "preserve_hostname: false\nhostname: a\nfqdn: 'a.b'\nwrite_files:\n  - content: |\n      hostname: no",
                "a a.b",
            ),
            (
                "/etc/samba/smb.conf",
                "[global]\n; netbios name = no\n  NetBIOS Name = A\nnetbios aliases = no\n[x]\nnetbios name = no",
                "A",
            ),
            ("/etc/snmp/snmpd.conf", "sysLocation no\n#sysName no\nsysName  a", "a"),
            (
                "/etc/zabbix/zabbix_agent*.conf",
                "# Hostname=no\nHostname=a, b\nHostnameItem=no\nHostMetadata=no",
                "a  b",
            ),
            ("/etc/munin/munin-node.conf", "# host_name no\nhost_name a\nhost *", "a"),
            (
                "/etc/collectd/collectd.conf",
                "#Hostname \"no\"\nHostname \"a\"\nFQDNLookup true",
                "a",
            ),
            (
                "/etc/telegraf/telegraf.conf",
                "[agent]\n  hostname = \"a\"\n  omit_hostname = false\n[[inputs.x]]\n  hostname = \"no\"",
                "a",
            ),
            ("/etc/salt/minion_id", "a.b\n", "a.b"),
            ("/etc/salt/minion", "#id: no\nmaster: no\nid: a\ngrains:\n  id: no", "a"),
            ("/etc/puppet/puppet.conf", "[main]\nserver = no\n[agent]\ncertname = a.b", "a.b"),
            (
                "/etc/icinga2/constants.conf",
                "const PluginDir = \"/x\"\n//const NodeName = \"no\"\nconst NodeName = \"a\" // b\nconst ZoneName = NodeName",
                "a",
            ),
            (
                "/etc/bacula/bacula-fd.conf",
                "Director {\n  Name = no-dir\n}\nFileDaemon {  # me\n  Name = a-fd\n  Plugin Name = no\n}\nMessages {\n  Name = Standard\n}",
                "a",
            ),
            ("/etc/bacula/bacula-fd.conf", "FileDaemon { Name = a-b; FDport = 9102 }", "a-b"),
        ] {
            assert_eq!(taken(path, text), names, "{path}");
        }
    }

    #[test]
    fn no_row_stops_at_odd_texts() {
        for (pattern, take) in ALL {
            for text in [
                "",
                "\0\u{fffd}",
                "=",
                ":",
                "{",
                "}}{{",
                "[",
                "]\n[[",
                "\"",
                "a = \"",
                "- - :\n -",
                "send",
                "Name",
                "\n \n",
            ] {
                assert!(
                    take(text).concat().iter().all(|name| name.len() <= text.len()),
                    "{pattern}"
                );
            }
        }
    }
}
