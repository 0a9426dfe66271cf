//! Every place where postclone looks for the host name: its path, the function that reads it, and what happens to the
//! names in it.
//!
//! `man/host-places.md` describes the same places for people, and names the test for each.

use super::forms::{
    agents, apache, backup, collectd, debconf, dhclient, fstab, hosts, icinga, mail, name_file,
    network, nginx, postfix, samba, sudoers, yaml,
};
use super::names::HostNames;
use super::place::{Place, error, seen};
use crate::rewrite::edit::Findings;
use crate::rewrite::is_path;

/// docs.saltproject.io, "Salt key".
const SALT: &str =
    "the master knows the minion by `{old}`: accept the key of `{new}` on the master";
/// zabbix.com, zabbix_agentd.conf(5): the name must match the server's.
const ZABBIX: &str =
    "the server knows the host by `{old}`: change the name to `{new}` there as well";
/// munin-node.conf(5): the master asks for the node by this name.
const MUNIN: &str =
    "the master queries the node by `{old}`: change the name to `{new}` there as well";
/// smb.conf(5), net(8).
const SAMBA: &str = "a member of a domain has its account there as `{old}`: join the domain again";
/// puppet.com, "Regenerating certificates".
const PUPPET: &str = "the agent's certificate contains the name: run `puppet ssl clean`, set certname, and have the \
     new certificate signed";
/// icinga.com, "Distributed monitoring": the certificate's file name and common name are the node's name.
const ICINGA: &str = "the node's certificate contains the name: run `icinga2 node setup` again, and rename the \
     endpoint on its parent";
/// bacula.org, "Client/File daemon configuration".
const BACULA: &str = "the director knows the client by this name, and old backups are restored under it: change both, or neither";

/// nfs(5), mount.cifs(8).
const SERVER: &str = "it is the name of a file server, and the template may be that server: if the host mounts \
                      its own share, write `{new}`";

/// Every place, in the order of the report. If two patterns match a file, the first one counts.
pub const PLACES: &[Place] = &[
    // The name itself.
    error("etc/hostname", "hostname", name_file::hostname),
    error("etc/HOSTNAME", "hostname", name_file::hostname),
    error("etc/conf.d/hostname", "hostname", network::openrc),
    error("etc/sysconfig/network", "hostname", network::sysconfig),
    error("etc/hosts", "hosts", hosts::rewrite),
    // Mail.
    error("etc/mailname", "mailname", name_file::mailname),
    error("etc/postfix*/main.cf", "postfix", postfix::rewrite),
    error("etc/exim4/update-exim4.conf.conf", "exim", mail::exim),
    error("etc/exim4/exim4.conf.localmacros", "exim", mail::exim),
    error("etc/exim4/conf.d/main/*", "exim", mail::exim),
    error("etc/nullmailer/me", "nullmailer", name_file::exact),
    error("etc/nullmailer/helohost", "nullmailer", name_file::exact),
    error("etc/ssmtp/ssmtp.conf", "ssmtp", mail::ssmtp),
    error("var/cache/debconf/config.dat", "debconf", debconf::rewrite),
    // The network.
    error("etc/network/interfaces", "ifupdown", network::interfaces),
    error("etc/network/interfaces.d/*", "ifupdown", network::interfaces),
    error("etc/dhcp/dhclient*.conf", "dhclient", dhclient::rewrite),
    error("etc/dhclient*.conf", "dhclient", dhclient::rewrite),
    error("etc/dhcpcd.conf", "dhcpcd", network::dhcpcd),
    error("etc/NetworkManager/NetworkManager.conf", "network-manager", network::manager),
    error("etc/NetworkManager/conf.d/*.conf", "network-manager", network::manager),
    error("etc/NetworkManager/system-connections/*", "network-manager", network::connection),
    error("etc/sysconfig/network-scripts/ifcfg-*", "sysconfig", network::sysconfig),
    error("etc/sysconfig/network/dhcp", "sysconfig", network::sysconfig),
    error("etc/sysconfig/network/ifcfg-*", "sysconfig", network::sysconfig),
    error("etc/systemd/network/*.network", "networkd", network::networkd),
    error("etc/systemd/network/*.network.d/*.conf", "networkd", network::networkd),
    error("etc/netplan/*.yaml", "netplan", yaml::netplan),
    error("etc/avahi/avahi-daemon.conf", "avahi", network::avahi),
    // Files that set the name at boot.
    error("etc/cloud/cloud.cfg", "cloud-init", yaml::cloud_init),
    error("etc/cloud/cloud.cfg.d/*.cfg", "cloud-init", yaml::cloud_init),
    error("var/lib/cloud/seed/*/meta-data", "cloud-init", yaml::cloud_init),
    error("var/lib/cloud/seed/*/user-data", "cloud-init", yaml::cloud_init),
    // Rights and shares.
    error("etc/sudoers", "sudoers", sudoers::rewrite),
    error("etc/sudoers.d/*", "sudoers", sudoers::rewrite),
    error("etc/samba/smb.conf", "samba", samba::rewrite).then(SAMBA),
    error("etc/fstab", "fstab", fstab::servers).reported(SERVER),
    // Web.
    error("etc/apache2/apache2.conf", "apache", apache::rewrite),
    error("etc/apache2/conf-available/*.conf", "apache", apache::rewrite),
    error("etc/apache2/sites-available/*.conf", "apache", apache::rewrite),
    error("etc/httpd/conf/httpd.conf", "apache", apache::rewrite),
    error("etc/httpd/conf.d/*.conf", "apache", apache::rewrite),
    error("etc/nginx/nginx.conf", "nginx", nginx::rewrite),
    error("etc/nginx/conf.d/*.conf", "nginx", nginx::rewrite),
    error("etc/nginx/sites-available/*", "nginx", nginx::rewrite),
    // Monitoring and agents.
    seen("etc/snmp/snmpd.conf", "snmpd", agents::snmpd),
    seen("etc/snmp/snmpd.conf.d/*.conf", "snmpd", agents::snmpd),
    error("etc/zabbix/**/*.conf", "zabbix", agents::zabbix).then(ZABBIX),
    error("etc/munin/munin-node.conf", "munin", agents::munin).then(MUNIN),
    seen("etc/collectd.conf", "collectd", collectd::rewrite),
    seen("etc/collectd.d/*.conf", "collectd", collectd::rewrite),
    seen("etc/collectd/**/*.conf", "collectd", collectd::rewrite),
    seen("etc/telegraf/telegraf.conf", "telegraf", agents::telegraf),
    seen("etc/telegraf/telegraf.d/*.conf", "telegraf", agents::telegraf),
    seen("etc/netdata/netdata.conf", "netdata", agents::netdata),
    error("etc/salt/minion_id", "salt", name_file::exact).then(SALT),
    error("etc/salt/minion", "salt", yaml::salt).then(SALT),
    error("etc/salt/minion.d/*.conf", "salt", yaml::salt).then(SALT),
    error("etc/puppet/puppet.conf", "puppet", agents::puppet).reported(PUPPET),
    error("etc/puppetlabs/puppet/puppet.conf", "puppet", agents::puppet).reported(PUPPET),
    error("etc/icinga2/constants.conf", "icinga", icinga::rewrite).reported(ICINGA),
    error("etc/icinga2/zones.conf", "icinga", icinga::rewrite).reported(ICINGA),
    error("etc/bacula/bacula-fd.conf", "bacula", backup::rewrite).reported(BACULA),
    error("etc/bareos/bareos-fd.d/**/*.conf", "bacula", backup::rewrite).reported(BACULA),
];

/// The place of a path below the root. The path may have a leading slash.
pub fn place(path: &str) -> Option<&'static Place> {
    let path = path.strip_prefix('/').unwrap_or(path);
    PLACES.iter().find(|place| is_path(place.pattern, path))
}

/// What is found in a file, by its path. `None` if the path is not a place.
pub fn rewrite(names: &HostNames, path: &str, text: &[u8]) -> Option<Findings> {
    place(path).map(|place| place.find(names, text))
}
