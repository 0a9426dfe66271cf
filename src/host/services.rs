//! Services that read the host name when they start, and keep it. postclone lists them and restarts none.

use std::path::Path;

use super::places::place;
use crate::change::{Holder, Job};
use crate::live::services::active;

/// One service.
struct Service {
    /// Its units in different distributions. Some are aliases of others.
    units: &'static [&'static str],
    /// A clause that says what it uses the name for.
    why: &'static str,
    /// The kinds of its files in the table of places. Empty if it has no files there.
    kinds: &'static [&'static str],
}

const fn service(
    units: &'static [&'static str],
    why: &'static str,
    kinds: &'static [&'static str],
) -> Service {
    Service { units, why, kinds }
}

/// All such services, according to their manuals. sshd(8) is not one. systemd's journal and resolver notice a new
/// name themselves (poll(2) of `/proc/sys/kernel/hostname`).
const SERVICES: &[Service] = &[
    service(
        &["rsyslog.service", "syslog-ng.service"],
        "it writes the name into every line of a log",
        &[],
    ),
    service(
        &["postfix.service"],
        "its myhostname is in greetings and addresses",
        &["postfix", "mailname"],
    ),
    service(
        &["exim4.service", "exim.service"],
        "its primary_hostname is in greetings and addresses",
        &["exim", "mailname"],
    ),
    service(
        &["sendmail.service", "opensmtpd.service", "nullmailer.service"],
        "it greets servers with the name",
        &["nullmailer"],
    ),
    service(&["avahi-daemon.service"], "it publishes the name as NAME.local", &["avahi"]),
    service(&["nmbd.service", "nmb.service"], "it answers for the NetBIOS name", &["samba"]),
    service(&["smbd.service", "smb.service"], "its NetBIOS name is made from it", &["samba"]),
    service(&["winbind.service"], "its account in a domain is named after the host", &["samba"]),
    service(&["zabbix-agent.service"], "the server knows the agent by it", &["zabbix"]),
    service(&["zabbix-agent2.service"], "the server knows the agent by it", &["zabbix"]),
    service(&["munin-node.service"], "the master queries the node by it", &["munin"]),
    service(&["collectd.service"], "it sends values under it", &["collectd"]),
    service(&["telegraf.service"], "it tags values with it", &["telegraf"]),
    service(&["netdata.service"], "it shows and streams its data under it", &["netdata"]),
    service(&["filebeat.service"], "it adds the name to each event", &[]),
    service(&["metricbeat.service"], "it adds the name to each event", &[]),
    service(&["salt-minion.service"], "the master knows the minion by it", &["salt"]),
    service(&["puppet.service"], "its certificate contains the name", &["puppet"]),
    service(&["icinga2.service"], "its node has the name", &["icinga"]),
    service(
        &["bacula-fd.service", "bareos-fd.service"],
        "the director knows the client by it",
        &["bacula"],
    ),
    service(&["snmpd.service"], "its sysName is the host's", &["snmpd"]),
    service(
        &["NetworkManager.service"],
        "its DHCP client sends the name when it asks for an address again",
        &["network-manager", "sysconfig"],
    ),
    service(
        &["systemd-networkd.service"],
        "its DHCP client sends the name when it asks for an address again",
        &["networkd", "netplan"],
    ),
    service(
        &["networking.service", "network.service", "dhcpcd.service", "wicked.service"],
        "its DHCP client sends the name that it was started with",
        &["dhclient", "dhcpcd", "ifupdown", "sysconfig"],
    ),
    service(&["cups.service"], "it answers for printers under the name", &[]),
    service(
        &["apache2.service", "httpd.service"],
        "its ServerName is the name if none is set",
        &["apache"],
    ),
    service(&["nginx.service"], "its $hostname is the name", &["nginx"]),
    service(&["haproxy.service"], "its node has the name", &[]),
    service(&["keepalived.service"], "its router_id is the name", &[]),
    service(
        &["mariadb.service", "mysql.service", "mysqld.service"],
        "its variable `hostname` and the names of its logs are made from it",
        &[],
    ),
    service(&["docker.service"], "its node is named after the host", &[]),
    service(
        &["libvirtd.service", "virtqemud.service"],
        "it tells others the name when a guest is migrated",
        &[],
    ),
    service(&["auditd.service"], "it may write the name into every record", &[]),
    service(&["mdmonitor.service", "mdadm.service"], "its mails contain the name", &[]),
    service(&["dnsmasq.service"], "it answers with the names of /etc/hosts", &["hosts"]),
];

/// The services that run, with what each uses the name for, and those of their files that the run rewrites.
pub(super) fn holders(job: &Job) -> Vec<Holder> {
    if !job.is_live() {
        return Vec::new();
    }
    let units: Vec<&str> = SERVICES.iter().flat_map(|service| service.units).copied().collect();
    let running = active(&units).unwrap_or_else(|error| {
        log::info!("it is not known which services run: {error:#}");
        Vec::new()
    });
    let rewritten: Vec<(&Path, &str)> = job
        .plan
        .files
        .iter()
        .filter_map(|change| {
            let place = place(change.path.to_str()?)?;
            Some((change.path.as_path(), place.kind))
        })
        .collect();
    let mut holders = Vec::new();
    for service in SERVICES {
        let files = rewritten.iter().filter(|(_, kind)| service.kinds.contains(kind));
        let files: Vec<String> = files.map(|(path, _)| path.display().to_string()).collect();
        let unit = service.units.iter().find(|unit| running.contains(unit));
        holders.extend(unit.map(|unit| Holder {
            unit: (*unit).to_owned(),
            why: service.why.to_owned(),
            files,
        }));
    }
    holders
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::host::places::PLACES;

    #[test]
    fn every_unit_is_there_once_and_every_kind_is_a_places() {
        let units: Vec<&str> = SERVICES.iter().flat_map(|service| service.units).copied().collect();
        assert_eq!(units.iter().collect::<BTreeSet<_>>().len(), units.len());
        assert!(units.iter().all(|unit| unit.ends_with(".service")), "{units:?}");
        for kind in SERVICES.iter().flat_map(|service| service.kinds) {
            assert!(PLACES.iter().any(|place| place.kind == *kind), "{kind}");
        }
    }
}
