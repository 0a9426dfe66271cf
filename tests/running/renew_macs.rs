//! `postclone renew network-macs`: addresses of the template's network card in configurations.

use std::fs;

use crate::harness::{needs_root, patch, postclone};
use crate::stage::Stage;
use crate::tree;

const OLD: &str = "52:54:00:aa:00:01";
const NEW: &str = "52:54:00:bb:00:02";
const RENEW: &[&str] = &["renew", "network-macs", "--yes"];

/// Files in the forms of those that write them; another card's address, and text that only looks like one.
const FILES: &[(&str, &str)] = &[
    (
        "etc/netplan/01-lan.yaml",
        "network:\n  version: 2\n  ethernets:\n    lan:\n      match:\n        macaddress: \"52:54:00:aa:00:01\" # card\n\
         \x20     set-name: lan\n      dhcp4: true\n",
    ),
    (
        "etc/sysconfig/network-scripts/ifcfg-eth0",
        "DEVICE=eth0\nHWADDR=52:54:00:AA:00:01\nONBOOT=yes\n",
    ),
    (
        "etc/NetworkManager/system-connections/lan.nmconnection",
        "[connection]\nid=lan 52:54:00:aa:00:01\n\n[ethernet]\nmac-address=52:54:00:AA:00:01\n\
         mac-address-blacklist=52:54:00:aa:00:01\n",
    ),
    (
        "etc/udev/rules.d/70-persistent-net.rules",
        "# PCI device (virtio-pci)\nSUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{address}==\"52:54:00:aa:00:01\", \
         ATTR{type}==\"1\", KERNEL==\"eth*\", NAME=\"eth0\"\n",
    ),
    (
        "etc/systemd/network/10-lan.link",
        "[Match]\nPermanentMACAddress=52-54-00-aa-00-01\n\n[Link]\nName=lan\n",
    ),
    (
        "etc/systemd/network/20-lan.network",
        "[Match]\nMACAddress=5254.00aa.0001\n[Network]\nDHCP=yes\n",
    ),
    ("etc/network/interfaces", "iface lan inet dhcp\n\thwaddress ether 52:54:00:aa:00:01\n"),
];

const NOT_ONE: &str =
    ": this machine has no network device with an address of its own, or several: ";

fn card(stage: &Stage, name: &str, mac: &str, kind: &str) {
    let dir = format!("sys/class/net/{name}");
    fs::create_dir_all(stage.path(&format!("{dir}/device"))).unwrap();
    stage.write(&format!("{dir}/address"), &format!("{mac}\n"));
    stage.write(&format!("{dir}/addr_assign_type"), &format!("{kind}\n"));
}

fn write(stage: &Stage, path: &str, text: &str) {
    fs::create_dir_all(stage.path(path).parent().unwrap()).unwrap();
    stage.write(path, text);
}

fn clone() -> Stage {
    let stage = Stage::new();
    for (path, text) in FILES {
        write(&stage, path, text);
    }
    card(&stage, "enp1s0", NEW, "0");
    // Interfaces without a device are none of the machine's cards.
    write(&stage, "sys/class/net/br0/address", "02:00:00:00:00:07\n");
    stage
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_present_cards_address_takes_the_place_of_the_templates() {
    needs_root!();
    let stage = clone();
    let before = stage.system();
    let plan = stage.run(&["renew", "network-macs", "-n"]).demand(0);
    assert_eq!(before, stage.system());
    let copy = tempfile::tempdir().unwrap();
    tree::copy(&stage.path("etc"), &copy.path().join("etc"));
    patch(copy.path(), &plan.stdout);
    let said = text(&stage.run(RENEW).demand(0).stdout);
    assert!(said.contains(&format!("# Pinned MAC address {OLD} becomes {NEW} under /.")), "{said}");
    assert_eq!(tree::contents(&copy.path().join("etc")), tree::contents(&stage.path("etc")));
    let read = |number: usize| stage.read(FILES[number].0);
    assert_eq!(read(0), FILES[0].1.replace(OLD, NEW));
    assert_eq!(read(1), FILES[1].1.replace("AA:00:01", "BB:00:02"));
    let profile =
        "[ethernet]\nmac-address=52:54:00:BB:00:02\nmac-address-blacklist=52:54:00:aa:00:01\n";
    assert!(
        read(2).ends_with(profile) && read(2).contains("id=lan 52:54:00:aa:00:01"),
        "{}",
        read(2)
    );
    assert_eq!(read(3), FILES[3].1.replace(OLD, NEW));
    assert_eq!(read(4), FILES[4].1.replace("aa-00-01", "bb-00-02"));
    assert_eq!(read(5), FILES[5].1.replace("00aa.0001", "00bb.0002"));
    assert_eq!(read(6), FILES[6].1.replace(OLD, NEW));
    // Images have copies of links and rules.
    assert!(stage.asked().iter().any(|line| line.starts_with("update-initramfs")));
    let after = stage.system();
    let again = text(&stage.run(RENEW).demand(0).stdout);
    assert!(again.contains("there is nothing left to change"), "{again}");
    assert_eq!(after, stage.system());
    let said = text(&stage.run(&["undo", "--yes"]).demand(0).stdout);
    assert!(said.contains(&format!("configurations name {OLD}")), "{said}");
    assert_eq!(before, stage.system());
    // An edit that came after stays.
    stage.run(RENEW).demand(0);
    stage.write(FILES[6].0, &(stage.read(FILES[6].0) + "# mine\n"));
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(stage.read(FILES[6].0), format!("{}# mine\n", FILES[6].1));
    assert_eq!(read(1), FILES[1].1);
}

#[test]
fn what_only_a_person_can_tell_is_refused() {
    needs_root!();
    let refused = |words: &str, change: &dyn Fn(&Stage)| {
        let stage = clone();
        change(&stage);
        let before = stage.system();
        let run = stage.run(RENEW).demand(1);
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
        assert!(run.stderr.contains("`ip link`"), "{}", run.stderr);
        assert_eq!(before, stage.system());
    };
    refused(NOT_ONE, &|stage| card(stage, "enp2s0", "52:54:00:bb:00:03", "0"));
    refused(NOT_ONE, &|stage| fs::remove_dir_all(stage.path("sys/class/net")).unwrap());
    // Somebody has set the card's address: its own is not known.
    refused(NOT_ONE, &|stage| card(stage, "enp1s0", "52:54:00:bb:00:03", "3"));
    refused(": several addresses that no network interface of this machine has (", &|stage| {
        write(
            stage,
            "etc/network/interfaces.d/b",
            "iface b inet dhcp\n hwaddress 52:54:00:aa:00:09\n",
        );
    });
}

#[test]
fn the_address_of_an_interface_here_is_no_template() {
    needs_root!();
    let stage = clone();
    card(&stage, "enp2s0", OLD, "0");
    let before = stage.system();
    let said = text(&stage.run(RENEW).demand(0).stdout);
    assert!(said.contains("there is nothing left to change"), "{said}");
    assert_eq!(before, stage.system());
}

#[test]
fn what_is_cloud_inits_or_virtual_is_left_and_told() {
    needs_root!();
    let stage = clone();
    let netplan = "etc/netplan/50-cloud-init.yaml";
    let pins = format!("network:\n  ethernets:\n    a:\n      match: {{macaddress: {OLD}}}\n");
    let own = "etc/cloud/cloud.cfg.d/50-curtin-networking.cfg";
    let bridge = "etc/systemd/network/30-br.netdev";
    write(&stage, netplan, &pins);
    write(&stage, own, &format!("network:\n  config:\n  - mac_address: '{OLD}'\n"));
    write(&stage, bridge, &format!("[NetDev]\nName=br0\nKind=bridge\nMACAddress={OLD}\n"));
    stage.program("usr/bin/cloud-init", "#!/bin/sh\n");
    let kept = [netplan, own, bridge].map(|path| stage.read(path));
    let said = text(&stage.run(RENEW).demand(0).stdout);
    for words in [
        "/etc/netplan/50-cloud-init.yaml: cloud-init writes it for a new instance",
        "/etc/cloud/cloud.cfg.d/50-curtin-networking.cfg: cloud-init makes the network configuration from it",
        "/etc/systemd/network/30-br.netdev: it gives a virtual interface its address",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(kept, [netplan, own, bridge].map(|path| stage.read(path)));
    assert!(stage.read(FILES[0].0).contains(NEW));
    // Where cloud-init leaves the network alone the file is nobody's but the administrator's.
    write(&stage, "etc/cloud/cloud.cfg.d/99-off.cfg", "network: {config: disabled}\n");
    stage.run(RENEW).demand(0);
    assert_eq!(stage.read(netplan), pins.replace(OLD, NEW));
}

#[test]
fn a_mounted_tree_has_no_card() {
    needs_root!();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("etc/netplan")).unwrap();
    fs::write(root.join(FILES[0].0), FILES[0].1).unwrap();
    let run = postclone(
        dir.path(),
        &["renew", "network-macs", "--yes", "--root", root.to_str().unwrap()],
    );
    assert_eq!(run.status, 0, "{}", run.stderr);
    let said = text(&run.stdout);
    assert!(said.contains("a tree that is not running has no network interface"), "{said}");
    assert_eq!(fs::read_to_string(root.join(FILES[0].0)).unwrap(), FILES[0].1);
}

/// Fails, and kills, a run at each of its points.
#[cfg(feature = "failpoints")]
#[test]
fn every_failure_and_kill_leaves_the_old_or_the_new() {
    needs_root!();
    let build = || {
        let stage = clone();
        for (path, _) in &FILES[2..] {
            fs::remove_file(stage.path(path)).unwrap();
        }
        stage
    };
    crate::faults::each_point_leaves_old_or_new(build, RENEW, |stage| {
        let is_new = stage.read(FILES[0].0).contains(NEW);
        assert_eq!(is_new, stage.read(FILES[1].0).contains("BB:00:02"));
        is_new
    });
}
