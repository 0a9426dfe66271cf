//! Data, memberships and accounts that are named after the host and must never be renamed.

mod find;
mod keytab;

use crate::identity::Kind;

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "rabbitmq-node",
        hurts: "RabbitMQ looks for its data under the host's name: on a renamed host it starts empty or not \
                at all, and two nodes of one name cannot be in one cluster",
        change: "postclone never renames it: remove the node from its cluster and set it up again, or follow \
                 RabbitMQ's `rabbitmqctl rename_cluster_node`",
        find: find::rabbitmq,
    },
    Kind {
        id: "ejabberd-node",
        hurts: "ejabberd cannot open its Mnesia tables under another node's name, and two nodes of one name \
                cannot be in one cluster",
        change: "postclone never renames it: ejabberd's procedure is `ejabberdctl mnesia_change_nodename`",
        find: find::ejabberd,
    },
    Kind {
        id: "etcd-member",
        hurts: "two members of one name and one data directory break etcd's cluster, or form two that \
                disagree",
        change: "postclone never renames it: remove the member's data, and add the machine with \
                 `etcdctl member add`",
        find: find::etcd,
    },
    Kind {
        id: "ceph-daemon",
        hurts: "Ceph treats both machines' daemons as one, and a monitor whose host is renamed finds no \
                data",
        change: "postclone never renames it: remove the daemon's data from the clone, and deploy a new daemon \
                 with `ceph orch daemon add`",
        find: find::ceph,
    },
    Kind {
        id: "proxmox-node",
        hurts: "Proxmox VE keeps guests under the node's name: a renamed node shows none of them, and two of \
                one name break the cluster",
        change: "postclone never renames it: install the node again and join it with `pvecm add`; the Proxmox \
                 wiki has the steps under `Renaming a PVE node`",
        find: find::proxmox,
    },
    Kind {
        id: "kubernetes-node",
        hurts: "both kubelets report under one node's name, and the pods of one are stopped for the other's",
        change: "postclone never renames it: run `kubeadm reset` in the clone, and `kubeadm join` under its \
                 own name",
        find: find::kubernetes,
    },
    Kind {
        id: "ad-join",
        hurts: "the machines share an account: when one of them changes its password, the other falls out \
                of the domain",
        change: "postclone never renames it: remove the keytab and secrets.tdb from the clone, and join with \
                 `realm join` or `net ads join` under its own name",
        find: find::domain,
    },
    Kind {
        id: "ipa-join",
        hurts: "FreeIPA treats both machines as one host, and new keys for one lock the other out",
        change: "postclone never renames it: run `ipa-client-install --uninstall` in the clone while it \
                 cannot reach the server, or the template's host is disabled, and `ipa-client-install`",
        find: find::ipa,
    },
    Kind {
        id: "galera-node",
        hurts: "a Galera cluster has two nodes of one name, and a donor or an arbitrator picks the wrong \
                one",
        change: "postclone never renames it: set `wsrep_node_name`, remove grastate.dat and gvwstate.dat, \
                 and let the node join by a state transfer",
        find: find::galera,
    },
    Kind {
        id: "pacemaker-node",
        hurts: "a machine whose name is not in Corosync's list joins no cluster, and two of one name fence \
                each other",
        change: "postclone never renames it: run `pcs cluster destroy` in the clone, and `pcs cluster node \
                 add` on a node of the cluster",
        find: find::pacemaker,
    },
];
