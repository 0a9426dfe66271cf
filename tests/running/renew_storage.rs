//! `postclone renew iscsi-initiator nvme-host`: the names by which storage targets know the machine.

use std::fs;

use crate::harness::{needs_root, patch, postclone};
use crate::images::archive;
use crate::stage::{KERNELS, Stage};
use crate::tree;

const INITIATOR: &str = "etc/iscsi/initiatorname.iscsi";
const NQN: &str = "etc/nvme/hostnqn";
const ID: &str = "etc/nvme/hostid";
const IQN: &str = "iqn.1993-08.org.debian:01:7f1c5a3e9b0d";
const UUID: &str = "b0da4e8c-6b5e-4c4f-9d1b-0123456789ab";
const PREFIX: &str = "nqn.2014-08.org.nvmexpress:uuid:";

const RENEW: &[&str] = &["renew", "iscsi-initiator", "nvme-host", "--yes"];

/// As Debian's packages make them.
fn initiator() -> String {
    format!(
        "## DO NOT EDIT OR REMOVE THIS FILE!\n## If you remove this file, the iSCSI daemon will not start.\n\
         InitiatorName={IQN}\n"
    )
}

fn clone() -> Stage {
    let stage = Stage::new();
    for dir in ["etc/iscsi", "etc/nvme"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    stage.write(INITIATOR, &initiator());
    stage.write(NQN, &format!("{PREFIX}{UUID}\n"));
    stage.write(ID, &format!("{UUID}\n"));
    stage
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn names_are_renewed_and_undo_brings_them_back() {
    needs_root!();
    let stage = clone();
    let before = stage.system();
    let said = text(&stage.run(RENEW).demand(0).stdout);
    let (name, nqn, id) = (stage.read(INITIATOR), stage.read(NQN), stage.read(ID));
    let new = name.lines().last().unwrap().strip_prefix("InitiatorName=").unwrap().to_owned();
    assert_eq!(name, initiator().replace(IQN, &new));
    assert!(new.starts_with("iqn.1993-08.org.debian:01:") && new.len() == IQN.len() && new != IQN);
    assert_eq!(nqn, format!("{PREFIX}{id}"), "they agree as before");
    assert!(id.len() == 37 && id.trim() != UUID, "{id}");
    for words in ["add the new name to their access lists", IQN, &new, id.trim()] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let said = text(&stage.run(&["undo", "--yes"]).demand(0).stdout);
    assert!(said.contains(&format!("the iSCSI initiator's name is {IQN}")), "{said}");
    assert_eq!(before, stage.system());
    // An edit that came after stays.
    stage.run(RENEW).demand(0);
    stage.write(INITIATOR, &(stage.read(INITIATOR) + "InitiatorAlias=web01\n"));
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(stage.read(INITIATOR), initiator() + "InitiatorAlias=web01\n");
    assert_eq!(stage.read(ID), format!("{UUID}\n"));
}

#[test]
fn iscsi_iname_is_asked_and_what_it_says_is_looked_at() {
    needs_root!();
    let stage = clone();
    let name = "iqn.1993-08.org.debian:01:abcdef";
    let print =
        |said: &str| format!("#!/bin/sh\necho \"iscsi-iname $*\" >> /stub/log\necho {said}\n");
    stage.program("usr/sbin/iscsi-iname", &print(name));
    let plan = stage.run(&["renew", "iscsi-initiator", "-n"]).demand(0);
    let copy = tempfile::tempdir().unwrap();
    tree::copy(&stage.path("etc"), &copy.path().join("etc"));
    patch(copy.path(), &plan.stdout);
    stage.run(&["renew", "iscsi-initiator", "--yes"]).demand(0);
    assert_eq!(stage.read(INITIATOR), initiator().replace(IQN, name));
    assert_eq!(fs::read_to_string(copy.path().join(INITIATOR)).unwrap(), stage.read(INITIATOR));
    assert!(stage.asked().contains(&"iscsi-iname -p iqn.1993-08.org.debian:01".to_owned()));
    stage.program("usr/sbin/iscsi-iname", &print("iqn.2001-01.example:x"));
    let run = stage.run(&["renew", "iscsi-initiator", "--yes"]).demand(1);
    assert!(run.stderr.contains(", which is not such a name"), "{}", run.stderr);
}

#[test]
fn what_did_not_agree_gets_ids_of_its_own() {
    needs_root!();
    let stage = clone();
    stage.write(ID, "11111111-2222-4333-8444-555555555555\n");
    stage.run(&["renew", "nvme-host", "--yes"]).demand(0);
    assert_ne!(stage.read(NQN), format!("{PREFIX}{}", stage.read(ID)));
    assert!(!stage.read(NQN).contains(UUID) && !stage.read(ID).starts_with("1111"));
    fs::remove_file(stage.path(NQN)).unwrap();
    stage.write("etc/nvme/config.json", "[{\"hostid\": \"x\"}]\n");
    let said = text(&stage.run(&["renew", "nvme-host", "--yes"]).demand(0).stdout);
    assert!(said.contains("# NVMe host's ID"), "{said}");
    assert!(said.contains("it also contains names of this host"), "{said}");
}

/// What opens a session, or has `/` on it, in a stage.
type Opens = fn(&Stage);

#[test]
fn names_that_are_in_use_are_refused_before_the_first_change() {
    needs_root!();
    let write = |stage: &Stage, path: &str, text: &str| {
        fs::create_dir_all(stage.path(path).parent().unwrap()).unwrap();
        stage.write(path, text);
    };
    let session: Opens =
        |stage| fs::create_dir_all(stage.path("sys/class/iscsi_session/session1")).unwrap();
    let image = |stage: &Stage, name: &str| {
        let files: [(&str, &[u8]); 2] = [("init", b"#!/bin/sh\n"), (name, b"x")];
        let path = stage.path(&format!("boot/initrd.img-{}", KERNELS[0]));
        fs::write(path, archive(&files)).unwrap();
    };
    let refused = |item: &str, words: &[&str], open: &dyn Fn(&Stage)| {
        let stage = clone();
        open(&stage);
        let before = stage.system();
        let run = stage.run(&["renew", item, "--yes"]).demand(1);
        for words in words {
            assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
        }
        assert_eq!(before, stage.system());
    };
    refused("iscsi-initiator", &["an iSCSI session is open (`session1`)", "iscsiadm"], &session);
    refused("nvme-host", &["is open (`nvme0`)", "nvme disconnect-all"], &|stage| {
        write(stage, "sys/class/nvme/nvme0/transport", "tcp\n");
    });
    for (source, path, words) in [
        ("sys/firmware/ibft/initiator", "sys/firmware/ibft/initiator/initiator-name", "x\n"),
        ("etc/iscsi/iscsi.initramfs", "etc/iscsi/iscsi.initramfs", ""),
        ("proc/cmdline", "proc/cmdline", "ro netroot=iscsi:192.0.2.1::::iqn.x\n"),
        ("etc/default/grub", "etc/default/grub", "GRUB_CMDLINE_LINUX=\"rd.iscsi.initiator=x\"\n"),
    ] {
        let said = format!(
            "according to `/{source}`, `/` may be on an iSCSI session, and the next boot would log in under another \
             name: keep the name, or change it by hand together with the boot and the target's access list"
        );
        refused("iscsi-initiator", &[&said], &|stage| {
            write(stage, path, words);
        });
    }
    for path in ["etc/initiatorname.iscsi", "etc/iscsi/initiatorname.iscsi"] {
        refused("iscsi-initiator", &["`/boot/initrd.img-6.1.0-1-amd64`"], &|stage| {
            image(stage, path);
        });
    }
    refused("nvme-host", &["`/boot/initrd.img-6.1.0-1-amd64`"], &|stage| image(stage, ID));
    refused("nvme-host", &["`/proc/cmdline`"], &|stage| {
        write(stage, "proc/cmdline", "rd.nvmf.hostnqn=x\n");
    });
    let chosen = [
        "`, which does not have a form that installers make: somebody has chosen it; write another one there by hand",
    ];
    refused("iscsi-initiator", &chosen, &|stage| {
        stage.write(INITIATOR, "InitiatorName=iqn.2020-01.org.example:web01\n");
    });
    refused("nvme-host", &chosen, &|stage| stage.write(NQN, "nqn.2014-08.org.example:web01\n"));
    refused("nvme-host", &["is not text: put a name into it by hand, or remove it"], &|stage| {
        fs::write(stage.path(ID), b"\xff\n").unwrap();
    });
    // What is in a comment, and a controller on the PCI bus, are no such thing.
    let stage = clone();
    write(&stage, "etc/default/grub", "# GRUB_CMDLINE_LINUX=\"rd.iscsi.initiator=x\"\n");
    write(&stage, "sys/class/nvme/nvme0/transport", "pcie\n");
    stage.run(RENEW).demand(0);
}

#[test]
fn a_run_that_was_not_asked_leaves_them_and_says_so() {
    needs_root!();
    let stage = clone();
    fs::create_dir_all(stage.path("sys/class/iscsi_session/session1")).unwrap();
    fs::create_dir_all(stage.path("var/lib/systemd")).unwrap();
    stage.write("var/lib/systemd/random-seed", "x");
    let said = text(&stage.run(&["renew", "--yes"]).demand(0).stdout);
    for item in ["iscsi-initiator", "nvme-host"] {
        assert!(said.contains(&format!("`postclone renew {item}` makes a new one")), "{said}");
    }
    assert_eq!(stage.read(INITIATOR), initiator());
}

#[test]
fn a_mounted_tree_has_no_session() {
    needs_root!();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("etc/iscsi")).unwrap();
    fs::create_dir_all(root.join("sys/class/iscsi_session/session1")).unwrap();
    fs::create_dir_all(root.join("var/lib")).unwrap();
    fs::write(root.join(INITIATOR), initiator()).unwrap();
    let at = root.to_str().unwrap();
    let run = postclone(dir.path(), &["renew", "iscsi-initiator", "--yes", "--root", at]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(!fs::read_to_string(root.join(INITIATOR)).unwrap().contains(IQN));
    let undo = postclone(dir.path(), &["undo", "--yes", "--root", at]);
    assert_eq!(undo.status, 0, "{}", undo.stderr);
    assert_eq!(fs::read_to_string(root.join(INITIATOR)).unwrap(), initiator());
}

/// Fails, and kills, a run at each of its points.
#[cfg(feature = "failpoints")]
#[test]
fn every_failure_and_kill_leaves_the_old_or_the_new() {
    needs_root!();
    crate::faults::each_point_leaves_old_or_new(clone, RENEW, |stage| {
        let is_new = !stage.read(INITIATOR).contains(IQN);
        assert_eq!(is_new, !stage.read(NQN).contains(UUID));
        assert_eq!(stage.read(NQN), format!("{PREFIX}{}", stage.read(ID)));
        is_new
    });
}
