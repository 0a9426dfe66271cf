//! The host name that the network gets to know, and small files that set it.

use super::settings::{self, Known, Value};
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;

/// /etc/conf.d/hostname of OpenRC.
pub fn openrc(names: &HostNames, text: &[u8]) -> Findings {
    let known = Known { sections: &[], keys: &["hostname"], value: Value::Name };
    settings::rewrite(names, text, &known)
}

/// initscripts' sysconfig.txt: `HOSTNAME`, `DHCP_HOSTNAME`, `DHCP_FQDN`; wicked's ifcfg-dhcp(5):
/// `DHCLIENT_HOSTNAME_OPTION`.
pub fn sysconfig(names: &HostNames, text: &[u8]) -> Findings {
    let keys = &["HOSTNAME", "DHCP_HOSTNAME", "DHCP_FQDN", "DHCLIENT_HOSTNAME_OPTION"];
    settings::rewrite(names, text, &Known { sections: &[], keys, value: Value::Name })
}

/// interfaces(5), method `dhcp`: `hostname`.
pub fn interfaces(names: &HostNames, text: &[u8]) -> Findings {
    let known = Known { sections: &[], keys: &["hostname"], value: Value::Name };
    settings::rewrite(names, text, &known)
}

/// dhcpcd.conf(5): `hostname`.
pub fn dhcpcd(names: &HostNames, text: &[u8]) -> Findings {
    let known = Known { sections: &[], keys: &["hostname"], value: Value::Name };
    settings::rewrite(names, text, &known)
}

/// NetworkManager.conf(5): `hostname` below `[keyfile]`.
pub fn manager(names: &HostNames, text: &[u8]) -> Findings {
    let known = Known { sections: &["keyfile"], keys: &["hostname"], value: Value::Name };
    settings::rewrite(names, text, &known)
}

/// nm-settings-keyfile(5): the name that a connection sends to the DHCP server.
pub fn connection(names: &HostNames, text: &[u8]) -> Findings {
    let keys = &["dhcp-hostname", "dhcp-fqdn"];
    settings::rewrite(names, text, &Known { sections: &["ipv4", "ipv6"], keys, value: Value::Name })
}

/// systemd.network(5): `Hostname` of a DHCP client.
pub fn networkd(names: &HostNames, text: &[u8]) -> Findings {
    let sections = &["DHCP", "DHCPv4", "DHCPv6"];
    settings::rewrite(names, text, &Known { sections, keys: &["Hostname"], value: Value::Name })
}

/// avahi-daemon.conf(5): `host-name` below `[server]`.
pub fn avahi(names: &HostNames, text: &[u8]) -> Findings {
    let known = Known { sections: &["server"], keys: &["host-name"], value: Value::Name };
    settings::rewrite(names, text, &known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::check;

    #[test]
    fn a_key_counts_in_its_section_alone() {
        check(
            networkd,
            "[Match]\nHostname=tmpl\n[DHCPv4]\nHostname=tmpl\n",
            "[Match]\nHostname=tmpl\n[DHCPv4]\nHostname=web01\n",
        );
        check(
            connection,
            "[ipv4]\ndhcp-hostname=tmpl\ndhcp-fqdn=tmpl.example.org\n[vpn]\nhostname=tmpl\n",
            "[ipv4]\ndhcp-hostname=web01\ndhcp-fqdn=web01.example.org\n[vpn]\nhostname=tmpl\n",
        );
        check(manager, "[keyfile]\nhostname=tmpl\n", "[keyfile]\nhostname=web01\n");
        check(avahi, "[server]\nhost-name=tmpl\n", "[server]\nhost-name=web01\n");
    }

    #[test]
    fn files_without_sections() {
        check(openrc, "hostname=\"tmpl\"\n", "hostname=\"web01\"\n");
        check(
            sysconfig,
            "HOSTNAME=tmpl.example.org\nDHCP_HOSTNAME='tmpl'\nNAME=tmpl",
            "HOSTNAME=web01.example.org\nDHCP_HOSTNAME='web01'\nNAME=tmpl",
        );
        check(
            interfaces,
            "iface tmpl inet dhcp\n\thostname tmpl\n# hostname tmpl",
            "iface tmpl inet dhcp\n\thostname web01\n# hostname tmpl",
        );
        check(dhcpcd, "#hostname\nhostname tmpl\n", "#hostname\nhostname web01\n");
    }
}
