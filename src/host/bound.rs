//! Things that are bound to a host's name: data that is stored under it, and memberships in which others know it.

use super::{HostNames, Spelling};
use crate::guest::host;
use crate::identity::table::kinds;
use crate::identity::{Found, View};

/// One program's data or membership.
#[derive(Debug)]
pub(super) struct Bound {
    /// The kind of identity that finds it.
    kind: &'static str,
    by: By,
    /// A clause that says what it is.
    pub(super) what: &'static str,
    /// What to do first.
    pub(super) next: &'static str,
}

/// Which findings prevent a rename of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// All of them.
    Any,
    /// Those that name the host.
    Name,
    /// Samba's secrets if it is a member of a domain, and every keytab.
    Domain,
}

/// All programs.
pub(super) const ALL: &[Bound] = &[
    Bound {
        kind: "rabbitmq-node",
        by: By::Name,
        what: "RabbitMQ stores its data under the host name",
        next: "rename the node with `rabbitmqctl rename_cluster_node`, or take it out of its cluster and move the \
               data away",
    },
    Bound {
        kind: "ejabberd-node",
        by: By::Name,
        what: "the tables of ejabberd belong to a node that is named after the host",
        next: "rename the node with `ejabberdctl mnesia_change_nodename` and in ERLANG_NODE",
    },
    Bound {
        kind: "etcd-member",
        by: By::Name,
        what: "the etcd member is named after the host",
        next: "remove the member with `etcdctl member remove`, and its data and name",
    },
    Bound {
        kind: "ceph-daemon",
        by: By::Any,
        what: "Ceph knows its daemons by the host name",
        next: "remove them from this host with `ceph orch host drain`",
    },
    Bound {
        kind: "proxmox-node",
        by: By::Any,
        what: "Proxmox VE stores the guests under the node's name",
        next: "follow `Renaming a PVE node` in the Proxmox wiki, or install the node again",
    },
    Bound {
        kind: "kubernetes-node",
        by: By::Any,
        what: "Kubernetes knows the node by the host name",
        next: "run `kubeadm reset`, rename the host, and join with `kubeadm join`",
    },
    Bound {
        kind: "galera-node",
        by: By::Name,
        what: "the Galera node is named after the host",
        next: "set wsrep_node_name to the new name first",
    },
    Bound {
        kind: "pacemaker-node",
        by: By::Name,
        what: "Corosync's list of nodes contains the host name",
        next: "remove the node with `pcs cluster node remove`, and run `pcs cluster destroy` here",
    },
    Bound {
        kind: "ad-join",
        by: By::Domain,
        what: "the host has an account in a domain under its name",
        next: "leave with `realm leave` (in a clone, remove the file instead, because the account is the \
               template's); rename the host, and join with `realm join`",
    },
    Bound {
        kind: "ipa-join",
        by: By::Any,
        what: "FreeIPA knows the host by its name",
        next: "run `ipa-client-install --uninstall` (in a clone, only while it cannot reach the server); rename \
               the host, and run `ipa-client-install`",
    },
    Bound {
        kind: "puppet-ssl",
        by: By::Any,
        what: "the Puppet agent's certificate contains the host name",
        next: "run `puppet ssl clean`, rename the host, and have the server sign the new certificate",
    },
];

impl Bound {
    /// Whether it says itself which host it is bound to.
    pub(super) fn names_a_host(&self) -> bool {
        self.by == By::Name
    }

    /// The places that prevent the host from losing its old name.
    pub(super) fn find(&self, view: &View<'_>, names: &HostNames) -> Vec<String> {
        let Some(kind) = kinds().find(|kind| kind.id == self.kind) else { return Vec::new() };
        let mut found = (kind.find)(view);
        match self.by {
            By::Any => {}
            By::Name => found.retain(|found| has_name(found, names.old_name())),
            By::Domain => found.retain(|found| !found.place.ends_with(".tdb") || is_member(view)),
        }
        found.into_iter().map(|found| found.place).collect()
    }
}

/// Whether a value is the host's name, or that of a node there: `rabbit@tmpl`.
fn has_name(found: &Found, name: &Spelling) -> bool {
    found.values.iter().any(|value| {
        let text = String::from_utf8_lossy(value);
        let host = text.split_once('@').map_or(&*text, |(_, host)| host);
        host::short(host).is_some_and(|short| short.eq_ignore_ascii_case(name.short()))
    })
}

/// Whether Samba's server is a member of a domain. A standalone server has secrets, too (smb.conf(5), `security`).
fn is_member(view: &View<'_>) -> bool {
    let text = view.text("/etc/samba/smb.conf").unwrap_or_default();
    let mut settings = text.lines().filter_map(|line| line.split_once('='));
    settings.any(|(key, value)| {
        let value = value.trim().to_lowercase();
        key.trim().eq_ignore_ascii_case("security") && ["ads", "domain"].contains(&value.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_one_of_the_table() {
        for bound in ALL {
            assert!(kinds().any(|kind| kind.id == bound.kind), "{}", bound.kind);
        }
    }
}
