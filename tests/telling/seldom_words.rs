//! The exact words of errors that take somebody else at work, a program that lies, or an odd machine.

use std::fs;
use std::process::{Command, Stdio};

use crate::harness::{needs_root, run};
use crate::recovery::cut;
use crate::rename_host::{HOSTNAMECTL, on};
use crate::stage::{SWAP, Stage, UUID};
use crate::words::{ends, while_building};

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];

#[test]
fn a_group_that_lvm_does_not_show_any_more_is_told_of() {
    needs_root!();
    let stage = Stage::new();
    let lvm = stage.read("usr/sbin/lvm");
    stage.program("usr/sbin/lvm", &lvm.replace(UUID, "\"$(cat /stub/uuid)\""));
    stage.set("uuid", UUID);
    while_building(&stage, "echo other >/stub/uuid");
    let run = stage.run(RENAME).demand(4);
    let line = format!("LVM does not show the group {UUID} any more: check with `vgs -o +vg_uuid`");
    assert!(run.stderr.contains(&line), "{}", run.stderr);
}

#[test]
fn a_name_of_a_dm_device_is_not_free() {
    needs_root!();
    for (args, name) in
        [(RENAME, "c--d-root"), (&["rename-lv", "a-b/root", "sys", "--yes"], "a--b-sys")]
    {
        let stage = Stage::new();
        fs::create_dir_all(stage.path("sys/block/dm-7/dm")).unwrap();
        stage.write("sys/block/dm-7/dm/name", &format!("{name}\n"));
        stage.write("sys/block/dm-7/dm/uuid", "CRYPT-LUKS2-1\n");
        let line = format!(
            "a dm device is already named `{name}`: see `dmsetup info {name}`, or choose another name"
        );
        ends(stage.run(args), 1, &line);
        assert!(stage.asked().is_empty());
    }
}

#[test]
fn a_file_that_something_is_mounted_on_cannot_be_renamed() {
    needs_root!();
    let stage = Stage::new();
    let before = stage.system();
    let script = "mount --bind /proc/version \"$1/$2\"; shift 2; exec chroot \"$0\" /usr/sbin/postclone \"$@\"";
    let root = stage.path("");
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-ec", script])
        .args([&root, &root])
        .arg(SWAP)
        .args(RENAME)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    ends(
        run(output),
        1,
        &format!("`/{SWAP}` cannot be renamed: something is mounted there: unmount it"),
    );
    assert_eq!(before, stage.system());
}

#[test]
fn a_machine_id_under_a_mount_is_not_replaced() {
    needs_root!();
    let stage = Stage::new();
    for dir in ["proc/sys/kernel/random", "proc/thread-self"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    stage.write("etc/machine-id", "3f1e0c7a9b9d4c4e8d7c52a8e6f00b14\n");
    let mounts = "30 1 0:21 /machine-id /etc/machine-id ro - tmpfs tmpfs rw\n";
    stage.write("proc/thread-self/mountinfo", mounts);
    let line = "a file system is mounted on `/etc/machine-id` until the machine ID is written to the disk; run \
                `systemd-machine-id-setup --commit` first";
    ends(stage.run(&["renew", "machine-id", "--yes"]), 1, line);
}

#[test]
fn a_volume_whose_group_is_renamed_since_does_not_go_back() {
    needs_root!();
    let stage = Stage::new();
    stage.run(&["rename-lv", "a-b/root", "sys", "--yes"]).demand(0);
    let menu = stage.read("boot/grub/grub.cfg");
    stage.write("boot/grub/grub.cfg", &format!("{menu}# mine\n"));
    stage.set("vg", "x");
    let line =
        format!("LVM does not show the group `a-b` with the UUID {UUID}: see `vgs -o +vg_uuid`");
    ends(stage.run(&["undo", "--yes"]), 1, &line);
}

#[test]
fn a_host_name_that_is_longer_than_the_kernels_is_refused() {
    needs_root!();
    let stage = Stage::new();
    let domain = format!("{}.example.org", "d".repeat(40));
    stage.write("etc/hostname", &format!("tmpl.{domain}\n"));
    stage.set("kernel", "tmpl");
    stage.program("usr/bin/hostnamectl", HOSTNAMECTL);
    let line = "`/etc/hostname` would have a name of 67 bytes, and the kernel accepts 64: write the short name \
                there first, or choose a shorter one";
    ends(on(&stage, &["rename-host", "web-server-01x", "--yes"]), 1, line);
}

#[test]
fn an_undo_during_which_somebody_renames_a_unit_says_so() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    let new = SWAP.replace(r"a\x2d\x2db", r"c\x2d\x2dd");
    let text = format!("#!/bin/sh\n[ $1 != daemon-reload ] || mv '/{SWAP}' '/{new}'\n");
    stage.program("usr/bin/systemctl", &text);
    let run = stage.run(&["undo", "--yes"]).demand(4);
    let line = format!("`/{SWAP}` does not have the name that it was given");
    assert!(run.stderr.contains(&line), "{}", run.stderr);
}

#[test]
fn an_undo_during_which_somebody_writes_an_image_says_so() {
    needs_root!();
    let stage = Stage::new();
    let image = "boot/initrd.img-6.1.0-1-amd64";
    fs::copy(stage.path(image), stage.path("stub/kept")).unwrap();
    stage.run(RENAME).demand(0);
    let spoil =
        format!("#!/bin/sh\n! busybox cmp -s /stub/kept /{image} || echo mine >>/{image}\n");
    let lvm = stage.read("usr/sbin/lvm").replacen("#!/bin/sh\n", &spoil, 1);
    stage.program("usr/sbin/lvm", &lvm);
    let run = stage.run(&["undo", "--yes"]).demand(4);
    let line = format!(
        "`/{image}` does not contain the bytes that were put back: find out what else writes it"
    );
    assert!(run.stderr.contains(&line), "{}", run.stderr);
}

#[test]
fn what_came_after_the_interruption_is_no_part_of_the_run() {
    needs_root!();
    let stage = cut();
    stage.write("etc/crypttab", "swap_crypt /dev/a-b/swap_1 none luks\n");
    let line = "`/etc/crypttab` names a-b and was added after the run was interrupted, so the run does not know \
                it: undo the run with `postclone undo`, and rename again";
    ends(stage.run(&["rename", "--resume"]), 1, line);
}

#[test]
fn an_undo_that_would_end_in_a_failing_boot_is_refused() {
    needs_root!();
    let stage = cut();
    stage.write("etc/crypttab", "swap_crypt /dev/c-d/swap_1 none luks\n");
    let before = stage.system();
    let line = "the next boot would fail because of what came after the run: `/etc/crypttab:1`: swap_crypt \
                `/dev/c-d/swap_1`: there is no group c-d; write the name `a-b` there, or finish the run with `postclone \
                rename --resume` and undo it then";
    ends(stage.run(&["undo", "--yes"]), 1, line);
    assert_eq!(before, stage.system());
}
