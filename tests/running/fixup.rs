//! `postclone fixup`: names, IDs and keys of a clone, in one plan with one undo.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Run, needs_root, on_terminal};
use crate::identity::{CLONE, TEMPLATE, be, in_state, lsblk};
use crate::rename_host::{HOSTNAME, HOSTNAMECTL, on};
use crate::renew::{ID, clone};
use crate::stage::Stage;
use crate::tree;

const HOSTS: &str = "127.0.0.1 localhost\n127.0.1.1 a-b.example.org a-b\n192.0.2.7 a-b2 my-a-b\n";

/// A clone of the machine `a-b`, whose group is named after it.
pub fn stage() -> Stage {
    let stage = clone();
    fs::create_dir_all(stage.path("etc/postfix")).unwrap();
    stage.write("etc/hostname", "a-b\n");
    stage.write("etc/hosts", HOSTS);
    stage.write("etc/postfix/main.cf", "myhostname = a-b.example.org\nmail_owner = a-b\n");
    fs::create_dir_all(stage.path("var/lib/systemd")).unwrap();
    stage.write("var/lib/systemd/random-seed", "seed");
    stage.set("kernel", "a-b");
    stage.set("hostname", "ok");
    stage.program("usr/bin/hostnamectl", HOSTNAMECTL);
    stage.program("usr/bin/hostname", HOSTNAME);
    stage
}

fn said(run: &Run) -> String {
    String::from_utf8_lossy(&run.stdout).into_owned() + &run.stderr
}

#[test]
fn a_clone_becomes_another_machine_at_once() {
    needs_root!();
    let stage = stage();
    let run = on(&stage, &["fixup", "--name", "web01", "--yes"]).demand(0);
    let said = said(&run);
    for words in [
        "# Host name a-b becomes web01 under /.",
        "# Volume group a-b becomes web01 under /.",
        &format!("# Machine ID {ID} becomes "),
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(stage.read("stub/vg"), "web01\n");
    assert_eq!(stage.read("stub/kernel"), "web01\n");
    assert_eq!(stage.read("etc/hostname"), "web01\n");
    assert_eq!(
        stage.read("etc/hosts"),
        "127.0.0.1 localhost\n127.0.1.1 web01.example.org web01\n192.0.2.7 a-b2 my-a-b\n"
    );
    assert_eq!(
        stage.read("etc/fstab"),
        "/dev/mapper/web01-root / ext4 defaults 0 1\n/dev/web01/swap_1 none swap sw 0 0\n"
    );
    assert_ne!(stage.read("etc/machine-id").trim(), ID);
    assert!(!stage.path("var/lib/systemd/random-seed").exists());
    // One run: each image is built once.
    let asked = stage.asked();
    let built = asked.iter().filter(|line| line.starts_with("update-initramfs")).count();
    assert_eq!(built, 2, "{asked:?}");
    let status = String::from_utf8(on(&stage, &["status"]).demand(0).stdout).unwrap();
    assert!(status.contains("last run:            a-b to web01, a-b to web01, done"), "{status}");
}

#[test]
fn one_undo_takes_all_of_it_back() {
    needs_root!();
    let stage = stage();
    // They are not put back.
    fs::remove_file(stage.path("var/lib/systemd/random-seed")).unwrap();
    let before = stage.system();
    on(&stage, &["fixup", "--name", "web01", "--yes"]).demand(0);
    assert_ne!(before, stage.system());
    let run = on(&stage, &["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system(), "{}", said(&run));
    assert_eq!(stage.read("stub/vg"), "a-b\n");
    assert_eq!(stage.read("stub/kernel"), "a-b\n");
}

/// A clone of a sealed template says what to do, does it once, and finds nothing to do after that.
#[test]
fn a_clone_on_record_is_fixed_once() {
    needs_root!();
    let stage = stage();
    stage.program("usr/bin/lsblk", "#!/bin/sh\ncat /stub/lsblk\n");
    stage.set("lsblk", &lsblk("template"));
    // LVM never forgets on which host the volumes were made.
    let lvm = stage.read("usr/sbin/lvm");
    let made_here = lvm.replace(r#""lv_uuid":"r","#, r#""lv_uuid":"r","lv_host":"a-b","#);
    assert_ne!(lvm, made_here);
    stage.program("usr/sbin/lvm", &made_here);
    be(&stage, &TEMPLATE);
    on(&stage, &["seal"]).demand(0);
    let refused = on(&stage, &["fixup", "--name", "web01", "--yes"]).demand(1);
    assert!(
        refused.stderr.contains("this machine is the template that was sealed as a-b"),
        "{}",
        refused.stderr
    );
    be(&stage, &CLONE);
    let overview = said(&on(&stage, &[]).demand(0));
    assert!(overview.contains("`postclone fixup`"), "{overview}");
    let refused = on(&stage, &["fixup", "--yes"]).demand(1);
    let words = "this machine is called `a-b` (/etc/hostname), like its template on record: say what this machine \
                 is called with --name NAME";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    let run = on(&stage, &["fixup", "--name", "web01", "--yes"]).demand(0);
    for words in [
        "this stays the template's: luks-uuid",
        "this stays the template's and does harm only while disks of both machines are in one machine: fs-uuid, \
         swap-uuid, pv-uuid, vg-uuid",
    ] {
        assert!(said(&run).contains(words), "{}", said(&run));
    }
    let list = on(&stage, &["identity", "--format", "json"]).demand(5);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    let (own, template) = (in_state(&list, "own"), in_state(&list, "template"));
    for kind in ["host-name", "host-name-place", "group-name", "machine-id", "ssh-host-key"] {
        assert!(own.contains(kind) && !template.contains(kind), "{kind}: {list:#}");
    }
    // What is left without LUKS does harm only while both disks are in one machine.
    stage.set("lsblk", &lsblk("template").replace("crypto_LUKS", "ext4"));
    let clean = said(&on(&stage, &["identity"]).demand(0));
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "Nothing is known to be the template's that does harm while the disks of both machines are apart.",
        "The template's, and harmful only while disks of both machines are in one machine: fs-uuid, swap-uuid, \
         pv-uuid, vg-uuid",
        "`postclone identity --disks` says what each does and what changes it.",
    ] {
        assert!(clean.contains(words), "{words}: {clean}");
    }
    let disks = said(&on(&stage, &["identity", "--disks"]).demand(5));
    assert!(
        disks.contains("template  swap-uuid: ") && !disks.contains("Nothing is known"),
        "{disks}"
    );
    let status = said(&on(&stage, &["status"]).demand(0));
    assert!(
        status.contains("nothing known to do harm while the disks of both are apart"),
        "{status}"
    );
    let before = stage.system();
    let again = on(&stage, &["fixup", "--yes"]).demand(0);
    assert!(said(&again).contains("# Nothing to do: "), "{}", said(&again));
    assert_eq!(before, stage.system());
    // What is its own is made anew with --force alone.
    let id = stage.read("etc/machine-id");
    let refused = on(&stage, &["fixup", "--only", "machine-id", "--yes"]).demand(1);
    assert!(
        refused.stderr.contains("machine-id: already this machine's own"),
        "{}",
        refused.stderr
    );
    on(&stage, &["fixup", "--only", "machine-id", "--yes", "--force"]).demand(0);
    assert_ne!(stage.read("etc/machine-id"), id);
}

/// The host has its new name already, and other places still have the template's.
#[test]
fn a_host_that_was_renamed_is_renamed_everywhere_else() {
    needs_root!();
    let stage = stage();
    stage.write("etc/hostname", "web01\n");
    stage.set("kernel", "web01");
    stage.write("etc/fstab", "/dev/mapper/tpl--vg-root / ext4 defaults 0 1\n");
    stage.set("vg", "tpl-vg");
    let run = on(&stage, &["fixup", "--yes"]).demand(0);
    assert!(
        said(&run).contains("# Volume group tpl-vg becomes web01-vg under /."),
        "{}",
        said(&run)
    );
    assert_eq!(
        stage.read("etc/postfix/main.cf"),
        "myhostname = web01.example.org\nmail_owner = a-b\n"
    );
    assert_eq!(stage.read("etc/fstab"), "/dev/mapper/web01--vg-root / ext4 defaults 0 1\n");
}

#[test]
fn parts_are_chosen_and_left_out() {
    needs_root!();
    let stage = stage();
    on(&stage, &["fixup", "--name", "web01", "--except", "group-name,machine-id", "--yes"])
        .demand(0);
    assert_eq!(
        (stage.read("stub/vg").as_str(), stage.read("etc/machine-id").trim()),
        ("a-b\n", ID)
    );
    assert_eq!(stage.read("etc/hostname"), "web01\n");
    assert!(!stage.asked().iter().any(|line| line.starts_with("update-initramfs")));
    on(&stage, &["undo", "--yes"]).demand(0);
    on(&stage, &["fixup", "--name", "web01", "--only", "group-name", "--yes"]).demand(0);
    assert_eq!(
        (stage.read("stub/vg").as_str(), stage.read("etc/machine-id").trim()),
        ("web01\n", ID)
    );
    assert_eq!(stage.read("etc/hostname"), "a-b\n");
    let wrong = on(&stage, &["fixup", "--only", "machine-id", "--except", "host-name"]).demand(2);
    assert!(wrong.stderr.contains("cannot be used with"), "{}", wrong.stderr);
}

#[test]
fn a_machine_without_lvm_is_fixed_as_well() {
    needs_root!();
    let stage = stage();
    fs::remove_file(stage.path("usr/sbin/lvm")).unwrap();
    stage.write("etc/fstab", "UUID=R-1 / ext4 defaults 0 1\n");
    let run = on(&stage, &["fixup", "--name", "web01", "--yes"]).demand(0);
    let words = "no volume group can be seen that holds `/`: none is renamed";
    assert!(said(&run).contains(words), "{}", said(&run));
    assert_eq!(stage.read("etc/hostname"), "web01\n");
    assert_ne!(stage.read("etc/machine-id").trim(), ID);
}

#[test]
fn the_dry_run_changes_nothing_and_is_a_patch() {
    needs_root!();
    let stage = stage();
    let before = stage.system();
    let plan = on(&stage, &["fixup", "--name", "web01", "--dry-run", "--show-private"]).demand(0);
    assert_eq!(before, stage.system());
    let copy = tempfile::tempdir().unwrap();
    tree::copy(&stage.path("etc"), &copy.path().join("etc"));
    tree::copy(&stage.path("boot"), &copy.path().join("boot"));
    fs::create_dir_all(copy.path().join("var/lib")).unwrap();
    tree::copy(&stage.path("var/lib/dbus"), &copy.path().join("var/lib/dbus"));
    fs::write(copy.path().join("patch"), &plan.stdout).unwrap();
    let mut command = Command::new("patch");
    command.args(["-s", "-p1", "-d"]).arg(copy.path()).arg("-i").arg(copy.path().join("patch"));
    assert!(command.status().unwrap().success());
    on(&stage, &["fixup", "--name", "web01", "--yes", "--except", "machine-id,ssh-host-keys"])
        .demand(0);
    for path in ["etc/fstab", "etc/hosts", "etc/hostname", "boot/grub/grub.cfg"] {
        assert_eq!(
            fs::read(copy.path().join(path)).unwrap(),
            fs::read(stage.path(path)).unwrap(),
            "{path}"
        );
    }
}

/// On a terminal the name is asked for, then the one question follows.
#[test]
fn the_name_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("etc")).unwrap();
    fs::write(dir.path().join("etc/hostname"), "tmpl\n").unwrap();
    fs::write(dir.path().join("etc/fstab"), "/dev/mapper/tmpl--vg-root / ext4 defaults 0 1\n")
        .unwrap();
    let command = format!("'{}' fixup --files-only --root .", env!("CARGO_BIN_EXE_postclone"));
    let (status, screen) = on_terminal(dir.path(), &command, "\n", &[]);
    assert_eq!(status, 1, "{screen}");
    assert!(screen.contains("no name was given: nothing was changed"), "{screen}");
    let (status, screen) = on_terminal(dir.path(), &command, "no name\n", &[]);
    assert_eq!(status, 1, "{screen}");
    assert!(
        screen.contains(
            "`no name` cannot be a host name: use letters, digits and hyphens, and a domain \
                             after a dot"
        ),
        "{screen}"
    );
    let (status, screen) = on_terminal(dir.path(), &command, "web01\ny\n", &[]);
    assert_eq!(status, 0, "{screen}");
    for words in [
        "this machine is called `tmpl` (/etc/hostname), and its volume group is named after that",
        "What is this machine's new name? ",
        "Rename host name tmpl to web01 and volume group tmpl-vg to web01-vg now? [y/N]",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    assert_eq!(fs::read_to_string(dir.path().join("etc/hostname")).unwrap(), "web01\n");
}

/// Fails, and kills, a run at each of its points: then the tree is the old one, or the new one, whole.
#[cfg(feature = "failpoints")]
#[test]
fn every_failure_and_kill_of_a_fixup_leaves_the_old_or_the_new() {
    use crate::rename_host::on_with;
    needs_root!();
    let build = || {
        let stage = stage();
        for kind in ["rsa", "ecdsa"] {
            for path in [format!("ssh_host_{kind}_key"), format!("ssh_host_{kind}_key.pub")] {
                fs::remove_file(stage.path("etc/ssh").join(path)).unwrap();
            }
        }
        // They are not put back.
        fs::remove_file(stage.path("var/lib/systemd/random-seed")).unwrap();
        stage
    };
    let fixup: &[&str] = &["fixup", "--name", "web01", "--yes", "-q"];
    let stage = build();
    on_with(&stage, fixup, &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")]).demand(0);
    let points: Vec<String> = stage.read("stub/points").lines().map(str::to_owned).collect();
    assert!(points.len() > 50, "{points:?}");
    let is_whole = |stage: &Stage, old: bool, at: &str| {
        let (name, id) = (stage.read("stub/vg"), stage.read("etc/machine-id"));
        let host = stage.read("etc/hostname");
        let expected = if old { "a-b\n" } else { "web01\n" };
        assert_eq!((name.as_str(), host.as_str()), (expected, expected), "{at}");
        assert_eq!(id.trim() == ID, old, "{at}");
        assert_eq!(stage.boots(), Ok(()), "{at}");
    };
    for (number, name) in points.iter().enumerate() {
        if !crate::faults::is_taken(number) {
            continue;
        }
        let stage = build();
        let before = stage.system();
        let point = format!("{}:fail", number + 1);
        let run = on_with(&stage, fixup, &[("POSTCLONE_FAILPOINT", &point)]);
        let at = format!("{point} ({name})");
        match run.status {
            0 => is_whole(&stage, false, &at),
            1 | 3 => assert_eq!(before, stage.system(), "{at}"),
            status => panic!("{at}: status {status}: {}", run.stderr),
        }
        let stage = build();
        let before = stage.system();
        let point = format!("{}:kill", number + 1);
        let run = on_with(&stage, fixup, &[("POSTCLONE_FAILPOINT", &point)]);
        let at = format!("{point} ({name})");
        if run.status == 0 {
            continue;
        }
        assert_eq!(run.status, 137, "{at}: {}", run.stderr);
        assert_eq!(stage.boots(), Ok(()), "{at}");
        let resumes = number % 2 == 0;
        let verb: &[&str] = if resumes { &["rename", "--resume"] } else { &["undo", "--yes"] };
        let run = on(&stage, verb);
        if stage.read("stub/vg") == "a-b\n" {
            // Where nothing was begun there is nothing to take back.
            assert!([0, 1].contains(&run.status), "{at}: {}", run.stderr);
            assert_eq!(before, stage.system(), "{at}");
        } else {
            assert_eq!(run.status, 0, "{at}: {}", run.stderr);
            is_whole(&stage, false, &at);
        }
    }
}
