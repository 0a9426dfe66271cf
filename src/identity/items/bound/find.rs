//! The finders of these kinds.

use std::path::Path;

use super::super::settings::{Between, bare, host_name, is_comment, values, yaml};
use super::keytab;
use crate::identity::{Found, View};

/// The nodes' directories below mnesia, and the configured name. Beside `rabbit@tmpl`, there are its plugins, its
/// features and its process number.
pub(super) fn rabbitmq(view: &View<'_>) -> Vec<Found> {
    let by = ["-plugins-expand", "-feature_flags", ".pid", "-rename"];
    let mut found = Vec::new();
    for path in view.glob("/var/lib/rabbitmq/mnesia/*") {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !by.iter().any(|by| name.ends_with(by)) {
            found.extend(erlang(view, &path, &name));
        }
    }
    let keys = ["NODENAME", "RABBITMQ_NODENAME"];
    for (path, text) in view.texts("/etc/rabbitmq/rabbitmq-env.conf") {
        let set = values(&text, Between::Equals, &[], &keys);
        found.extend(set.last().and_then(|name| erlang(view, &path, name)));
    }
    found
}

/// The node's name in ejabberdctl.cfg. Debian also has it in /etc/default.
pub(super) fn ejabberd(view: &View<'_>) -> Vec<Found> {
    let places = ["/etc/default/ejabberd", "/etc/ejabberd/ejabberdctl.cfg"];
    let texts = places.iter().flat_map(|place| view.texts(place));
    let found = texts.filter_map(|(path, text)| {
        let set = values(&text, Between::Equals, &[], &["ERLANG_NODE"]);
        erlang(view, &path, set.last()?)
    });
    found.collect()
}

/// An Erlang node, `rabbit@tmpl`, if its host is named.
fn erlang(view: &View<'_>, path: &Path, node: &str) -> Option<Found> {
    let host = host_name(node.split_once('@')?.1)?;
    let found = Found::one(path.display().to_string(), node.to_lowercase());
    Some(found.hinted(view.other_host(&host)))
}

/// The member's name. It can be any word, so only kubeadm's name has a hint, because that is the host's name.
pub(super) fn etcd(view: &View<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for place in ["/etc/default/etcd", "/etc/etcd/etcd.conf", "/etc/etcd.env"] {
        for (path, text) in view.texts(place) {
            let name = values(&text, Between::Equals, &[], &["ETCD_NAME"]).pop();
            found.extend(name.and_then(|name| member(&path, &name)));
        }
    }
    for place in ["/etc/etcd/etcd.conf.y*", "/etc/etcd.conf.yml"] {
        for (path, text) in view.texts(place) {
            let top = yaml(&text).into_iter().find(|(keys, _)| *keys == ["name"]);
            found.extend(top.and_then(|(_, name)| member(&path, &name)));
        }
    }
    for (path, text) in view.texts("/etc/kubernetes/manifests/etcd.yaml") {
        let mut words = text.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
        let name = words.find_map(|word| word.strip_prefix("--name="));
        let hint = name.and_then(|name| view.other_host(name));
        found.extend(name.and_then(|name| member(&path, name)).map(|found| found.hinted(hint)));
    }
    found
}

/// A member without a name is called `default`.
fn member(path: &Path, name: &str) -> Option<Found> {
    (name != "default" && !name.contains('$')).then(|| Found::one(path.display().to_string(), name))
}

/// Directories of daemons: `mon/ceph-tmpl`, and cephadm's `FSID/mon.tmpl`. Every cluster has OSDs with the same
/// numbers, so an OSD is identified by its UUID if it has one.
pub(super) fn ceph(view: &View<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for kind in ["mon", "mgr", "mds", "osd"] {
        let old = view.glob(&format!("/var/lib/ceph/{kind}/*"));
        let new = view.glob(&format!("/var/lib/ceph/*/{kind}.*"));
        for path in old.into_iter().chain(new) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some((_, id)) = name.split_once(['-', '.']) else { continue };
            let uuid = if kind == "osd" { view.text(path.join("fsid")) } else { None };
            let below = path.strip_prefix("/var/lib/ceph").unwrap_or(&path);
            let value =
                uuid.map_or_else(|| below.display().to_string(), |text| text.trim().to_owned());
            let host = matches!(kind, "mon" | "mgr").then(|| host_name(id)).flatten();
            let hint = host.and_then(|host| view.other_host(&host));
            found.push(Found::one(path.display().to_string(), value).hinted(hint));
        }
    }
    found
}

/// The cluster's nodes, including this one. The file system /etc/pve exists only while the cluster's daemon runs.
/// Without it, there is the database that it shows.
pub(super) fn proxmox(view: &View<'_>) -> Vec<Found> {
    let nodes = view.glob("/etc/pve/nodes/*");
    let names = nodes.iter().filter_map(|path| host_name(&path.file_name()?.to_string_lossy()));
    let found = nodes_of(view, "/etc/pve/nodes", names.collect());
    if found.is_some() {
        return found.into_iter().collect();
    }
    let path = "/var/lib/pve-cluster/config.db";
    view.bytes(path).map(|bytes| Found::one(path, bytes)).into_iter().collect()
}

/// The names of all nodes of a cluster. The hint is that this machine is not one of them.
fn nodes_of(view: &View<'_>, place: &str, names: Vec<String>) -> Option<Found> {
    let hints: Vec<_> = names.iter().map(|name| view.other_host(name)).collect();
    let hint = if hints.iter().all(Option::is_some) { hints.into_iter().next()? } else { None };
    let values: Vec<_> = names.into_iter().map(String::into_bytes).collect();
    (!values.is_empty()).then(|| Found::many(place, values).hinted(hint))
}

/// kubeadm's `system:node:tmpl`, and the certificate that identifies the kubelet.
pub(super) fn kubernetes(view: &View<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let path = "/etc/kubernetes/kubelet.conf";
    if let Some(text) = view.text(path) {
        let mut scalars = yaml(&text).into_iter().map(|(_, value)| value);
        let name = scalars.find_map(|value| host_name(value.strip_prefix("system:node:")?));
        found.extend(name.map(|name| {
            let hint = view.other_host(&name);
            Found::one(path, name).hinted(hint)
        }));
    }
    found.extend(file(view, "/var/lib/kubelet/pki/kubelet-client-current.pem"));
    found
}

/// The machine's keys in a domain, and Samba's secrets.
pub(super) fn domain(view: &View<'_>) -> Vec<Found> {
    let keytab = file(view, "/etc/krb5.keytab").map(|found| {
        let hosts = found.values.first().map(|bytes| keytab::hosts(bytes)).unwrap_or_default();
        let is_own = hosts.iter().any(|host| view.other_host(host).is_none());
        let hint = hosts.first().filter(|_| !is_own).and_then(|host| view.other_host(host));
        found.hinted(hint)
    });
    keytab.into_iter().chain(file(view, "/var/lib/samba/private/secrets.tdb")).collect()
}

/// A file's bytes, if it has any.
fn file(view: &View<'_>, path: &str) -> Option<Found> {
    view.bytes(path).filter(|bytes| !bytes.is_empty()).map(|bytes| Found::one(path, bytes))
}

/// The host in ipa's default.conf.
pub(super) fn ipa(view: &View<'_>) -> Vec<Found> {
    let path = "/etc/ipa/default.conf";
    let Some(text) = view.text(path) else { return Vec::new() };
    let host = values(&text, Between::Equals, &["global"], &["host"]).pop();
    let found = host.and_then(|host| host_name(&host)).map(|host| {
        let hint = view.other_host(&host);
        Found::one(path, host).hinted(hint)
    });
    found.into_iter().collect()
}

/// The node's name in MariaDB's files. It can be any word, so there is no hint.
pub(super) fn galera(view: &View<'_>) -> Vec<Found> {
    let patterns = ["/etc/my.cnf", "/etc/my.cnf.d/*.cnf", "/etc/mysql/*.cnf", "/etc/mysql/*/*.cnf"];
    let mut found = Vec::new();
    for path in patterns.iter().flat_map(|pattern| view.glob(pattern)) {
        // On Debian, my.cnf is a link to the file of one server or the other.
        if view.root.is_link(&path) {
            continue;
        }
        let text = view.text(&path).unwrap_or_default();
        let keys = ["wsrep_node_name", "wsrep-node-name"];
        let name = values(&text, Between::Equals, &[], &keys).pop();
        found.extend(name.map(|name| Found::one(path.display().to_string(), name)));
    }
    found
}

/// The nodes in corosync.conf's list.
pub(super) fn pacemaker(view: &View<'_>) -> Vec<Found> {
    let path = "/etc/corosync/corosync.conf";
    let Some(text) = view.text(path) else { return Vec::new() };
    let mut open: Vec<&str> = Vec::new();
    let mut names = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !is_comment(line)) {
        if let Some(block) = line.strip_suffix('{') {
            open.push(block.trim());
        } else if line == "}" {
            open.pop();
        } else if let (["nodelist", "node"], Some((key, name))) = (&open[..], line.split_once(':'))
        {
            names.extend((key.trim() == "name").then(|| host_name(&bare(name))).flatten());
        }
    }
    nodes_of(view, path, names).into_iter().collect()
}

#[cfg(test)]
mod tests;
