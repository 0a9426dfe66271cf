use super::super::keytab::tests::entry;
use super::*;
use crate::identity::items::testing::{tree, words};

#[test]
fn rabbits_nodes_are_found_without_what_stands_beside_them() {
    let dir = "var/lib/rabbitmq/mnesia";
    let tree = tree(&[
        (&format!("{dir}/rabbit@tmpl/nodes_running_at_shutdown"), "x"),
        (&format!("{dir}/rabbit@tmpl-plugins-expand/a"), "x"),
        (&format!("{dir}/rabbit@tmpl-feature_flags"), "x"),
        (&format!("{dir}/rabbit@tmpl.pid"), "1"),
        (&format!("{dir}/other/a"), "x"),
        ("etc/rabbitmq/rabbitmq-env.conf", "#NODENAME=rabbit@no\nNODENAME=Rabbit@web01\n"),
    ]);
    let found = rabbitmq(&tree.of_host("web01"));
    assert_eq!(found.iter().flat_map(words).collect::<Vec<_>>(), ["rabbit@tmpl", "rabbit@web01"]);
    assert!(found[0].hint.is_some() && found[1].hint.is_none());
}

#[test]
fn a_node_of_no_host_is_bound_to_none() {
    for name in ["ejabberd", "ejabberd@localhost", "ejabberd@`hostname`", "#ejabberd@tmpl", ""] {
        let tree = tree(&[("etc/default/ejabberd", &format!("ERLANG_NODE={name}\n"))]);
        assert_eq!(ejabberd(&tree.of_host("web01")), [], "{name}");
    }
    let tree = tree(&[("etc/ejabberd/ejabberdctl.cfg", "ERLANG_NODE=ejabberd@tmpl.example.org\n")]);
    let found = ejabberd(&tree.of_host("web01"));
    assert_eq!(words(&found[0]), ["ejabberd@tmpl.example.org"]);
    assert!(found[0].hint.is_some());
}

#[test]
fn etcds_members_have_a_name_in_each_form() {
    let tree = tree(&[
        ("etc/default/etcd", "# ETCD_NAME=\"no\"\nETCD_NAME=\"one\"\nETCD_NAME_X=no\n"),
        ("etc/etcd/etcd.conf", "ETCD_NAME=default\n"),
        ("etc/etcd/etcd.conf.yml", "x:\n  name: no\nname: 'two'\n"),
        ("etc/kubernetes/manifests/etcd.yaml", "spec:\n    - --name=tmpl\n    - --data-dir=/x\n"),
    ]);
    let found = etcd(&tree.of_host("web01"));
    assert_eq!(found.iter().flat_map(words).collect::<Vec<_>>(), ["one", "two", "tmpl"]);
    assert_eq!(
        found.iter().map(|found| found.hint.is_some()).collect::<Vec<_>>(),
        [false, false, true]
    );
}

#[test]
fn cephs_daemons_are_found_as_both_deployments_lay_them_out() {
    let tree = tree(&[
        ("var/lib/ceph/mon/ceph-tmpl/keyring", "x"),
        ("var/lib/ceph/osd/ceph-0/fsid", "aaaa\n"),
        ("var/lib/ceph/bootstrap-osd/ceph.keyring", "x"),
        ("var/lib/ceph/f51d/mgr.tmpl.abcdef/config", "x"),
        ("var/lib/ceph/f51d/osd.1/config", "x"),
    ]);
    let found = ceph(&tree.of_host("web01"));
    let values: Vec<_> = found.iter().flat_map(words).collect();
    assert_eq!(values, ["mon/ceph-tmpl", "f51d/mgr.tmpl.abcdef", "aaaa", "f51d/osd.1"]);
    let hinted: Vec<_> = found.iter().map(|found| found.hint.is_some()).collect();
    assert_eq!(hinted, [true, true, false, false]);
    assert!(ceph(&tree.of_host("tmpl")).iter().all(|found| found.hint.is_none()));
}

#[test]
fn a_cluster_that_this_machine_is_in_has_no_hint() {
    let tree = tree(&[
        ("etc/pve/nodes/pve1/lrm_status", "x"),
        ("etc/pve/nodes/web01/lrm_status", "x"),
        ("var/lib/pve-cluster/config.db", "SQLite"),
    ]);
    let found = proxmox(&tree.of_host("web01"));
    assert_eq!(found, [Found::many("/etc/pve/nodes", vec![b"pve1".into(), b"web01".into()])]);
    assert!(proxmox(&tree.of_host("web02"))[0].hint.as_deref().unwrap().contains("pve1"));
}

#[test]
fn without_proxmoxs_file_system_there_is_its_data_base() {
    let tree = tree(&[("var/lib/pve-cluster/config.db", "SQLite")]);
    assert_eq!(proxmox(&tree.view()), [Found::one("/var/lib/pve-cluster/config.db", "SQLite")]);
}

#[test]
fn a_kubelet_is_known_by_its_name_and_its_certificate() {
    let conf = "contexts:\n- context:\n    user: system:node:tmpl\n  name: system:node:tmpl@k\n";
    let tree = tree(&[
        ("etc/kubernetes/kubelet.conf", conf),
        ("var/lib/kubelet/pki/kubelet-client-current.pem", "PEM"),
    ]);
    let found = kubernetes(&tree.of_host("web01"));
    assert_eq!(found.iter().flat_map(words).collect::<Vec<_>>(), ["tmpl", "PEM"]);
    assert!(found[0].hint.is_some());
}

#[test]
fn a_keytab_of_another_host_has_a_hint() {
    let tree = tree(&[("var/lib/samba/private/secrets.tdb", "TDB")]);
    tree.write("etc/krb5.keytab", &[&[5, 2][..], &entry(&["host", "tmpl"])].concat());
    let found = domain(&tree.of_host("web01"));
    assert_eq!(found.len(), 2);
    assert!(found[0].hint.as_deref().unwrap().contains("tmpl"));
    assert_eq!(domain(&tree.of_host("tmpl"))[0].hint, None);
    assert_eq!(words(&found[1]), ["TDB"]);
}

#[test]
fn ipas_host_is_not_its_server() {
    let text = "[global]\nserver = ipa.example.org\n#host = no\nhost = tmpl.example.org\n";
    let tree = tree(&[("etc/ipa/default.conf", text)]);
    let found = ipa(&tree.of_host("web01"));
    assert_eq!(words(&found[0]), ["tmpl.example.org"]);
    assert!(found[0].hint.is_some());
}

#[test]
fn galeras_name_is_found_below_mysql() {
    let text =
        "[galera]\nwsrep_node_address=10.0.0.1\n#wsrep_node_name=no\nwsrep_node_name = \"tmpl\"\n";
    let tree =
        tree(&[("etc/mysql/mariadb.conf.d/60-galera.cnf", text), ("etc/my.cnf", "[mysqld]\n")]);
    let found = galera(&tree.of_host("web01"));
    assert_eq!(found, [Found::one("/etc/mysql/mariadb.conf.d/60-galera.cnf", "tmpl")]);
}

#[test]
fn corosyncs_nodes_are_those_of_its_list() {
    let text = "totem {\n  cluster_name: no\n  name: no\n}\nnodelist {\n  node {\n    ring0_addr: no\n    \
        # name: no\n    name: tmpl\n  }\n  node {\n    name: db2\n  }\n}\nname: no\n";
    let tree = tree(&[("etc/corosync/corosync.conf", text)]);
    let found = pacemaker(&tree.of_host("web01"));
    assert_eq!(words(&found[0]), ["tmpl", "db2"]);
    assert!(found[0].hint.is_some());
    assert_eq!(pacemaker(&tree.of_host("db2"))[0].hint, None);
    let odd = self::tree(&[("etc/corosync/corosync.conf", "}\n}\n{\nnodelist {\nnode {\nname\n")]);
    assert_eq!(pacemaker(&odd.view()), []);
}
