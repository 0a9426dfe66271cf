//! The names under which agents report the host to others.

use super::settings::{self, Known, Value};
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;

/// snmpd.conf(5): `sysName`. `sysLocation` and `sysContact` contain prose.
pub fn snmpd(names: &HostNames, text: &[u8]) -> Findings {
    let known = Known { sections: &[], keys: &["sysName"], value: Value::Name };
    settings::rewrite(names, text, &known)
}

/// zabbix_agentd.conf(5): `Hostname` is a list. `Server` and `ServerActive` are other hosts.
pub fn zabbix(names: &HostNames, text: &[u8]) -> Findings {
    let known = Known { sections: &[], keys: &["Hostname"], value: Value::List };
    settings::rewrite(names, text, &known)
}

/// munin-node.conf(5): `host_name`.
pub fn munin(names: &HostNames, text: &[u8]) -> Findings {
    let known = Known { sections: &[], keys: &["host_name"], value: Value::Name };
    settings::rewrite(names, text, &known)
}

/// telegraf's docs/CONFIGURATION.md: `hostname` below `[agent]`. Inputs use the same key for other hosts.
pub fn telegraf(names: &HostNames, text: &[u8]) -> Findings {
    let known = Known { sections: &["agent"], keys: &["hostname"], value: Value::Name };
    settings::rewrite(names, text, &known)
}

/// netdata's daemon configuration: `hostname` below `[global]`.
pub fn netdata(names: &HostNames, text: &[u8]) -> Findings {
    let known = Known { sections: &["global"], keys: &["hostname"], value: Value::Name };
    settings::rewrite(names, text, &known)
}

/// Puppet's configuration reference: `certname` and `dns_alt_names`. `server` is another host.
pub fn puppet(names: &HostNames, text: &[u8]) -> Findings {
    let known = Known { sections: &[], keys: &["certname", "dns_alt_names"], value: Value::List };
    settings::rewrite(names, text, &known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::check;

    #[test]
    fn own_names_change_and_others_stay() {
        check(snmpd, "sysname  tmpl\r\nsysContact tmpl", "sysname  web01\r\nsysContact tmpl");
        check(snmpd, "# sysName tmpl\nsysName \"tmpl\"", "# sysName tmpl\nsysName \"web01\"");
        check(
            zabbix,
            "Hostname=tmpl, tmpl.example.org,tmpl2\nServer=tmpl\nHostnameItem=tmpl\n",
            "Hostname=web01, web01.example.org,tmpl2\nServer=tmpl\nHostnameItem=tmpl\n",
        );
        check(munin, "host_name tmpl.example.org", "host_name web01.example.org");
        check(
            telegraf,
            "[agent] # tmpl\n  hostname = \"tmpl\"\n[[inputs.x]]\n  hostname = \"tmpl\"\n",
            "[agent] # tmpl\n  hostname = \"web01\"\n[[inputs.x]]\n  hostname = \"tmpl\"\n",
        );
        check(
            netdata,
            "[global]\n hostname = tmpl\n[web]\n",
            "[global]\n hostname = web01\n[web]\n",
        );
    }
}
