//! A clone's running system where something is amiss already: renamed by hand and nothing else done,
//! or hidden from LVM.

use crate::harness::needs_root;
use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::stage::{KERNELS, Stage, UUID};

/// A stage whose `/` is on the group, as sysfs says.
fn on_group() -> Stage {
    let stage = Stage::new();
    let device = fs::metadata(stage.path("")).unwrap().dev();
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let dir = format!("sys/dev/block/{major}:{minor}/dm");
    fs::create_dir_all(stage.path(&dir)).unwrap();
    stage.write(&format!("{dir}/uuid"), &format!("LVM-{}r\n", UUID.replace('-', "")));
    stage
}

fn status(stage: &Stage) -> String {
    String::from_utf8(stage.run(&["status"]).demand(0).stdout).unwrap()
}

/// Somebody ran vgrename and nothing else.
fn renamed_by_hand() -> Stage {
    let stage = on_group();
    stage.set("vg", "c-d");
    stage
}

#[test]
fn status_says_how_to_finish_what_was_renamed_by_hand() {
    needs_root!();
    let stage = renamed_by_hand();
    let before = stage.system();
    let said = status(&stage);
    assert!(said.contains("volume group of /:   c-d\n"), "{said}");
    let advice = "/ is on c-d, and boot files name a-b, which LVM does not have: the group was renamed by \
                  hand. Do the rest with `postclone rename a-b c-d`.\n";
    assert!(said.ends_with(advice), "{said}");
    // It is the command that does it, and then there is nothing more to say.
    stage.run(&["rename", "a-b", "c-d", "--yes"]).demand(0);
    for kernel in KERNELS {
        let image = stage.read(&format!("boot/initrd.img-{kernel}"));
        assert!(image.contains("/dev/mapper/c--d-root"), "{image}");
    }
    assert!(!status(&stage).contains("by hand"), "{}", status(&stage));
    let asked = stage.asked();
    assert!(asked.iter().all(|line| !line.starts_with("lvm vgrename")), "{asked:?}");
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}

/// With fstab mended by the same hand, the menu still tells.
#[test]
fn one_boot_file_is_enough_to_see_it() {
    needs_root!();
    let stage = renamed_by_hand();
    stage.write("etc/fstab", "# /dev/a-b/root\n/dev/c-d/root / ext4 defaults 0 1\n");
    assert!(status(&stage).ends_with("`postclone rename a-b c-d`.\n"), "{}", status(&stage));
    stage.write("boot/grub/grub.cfg", "linux /vmlinuz root=/dev/mapper/c--d-root ro\n");
    stage.write("etc/default/grub", "");
    // A comment, what no boot waits for, and a volume that the group does not have.
    let lines = "# /dev/a-b/root\n/dev/c-d/root / ext4 defaults 0 1\n\
                 /dev/a-b/root /old ext4 nofail 0 2\n/dev/usb/backup /backup ext4 defaults 0 2\n";
    stage.write("etc/fstab", lines);
    assert!(!status(&stage).contains("by hand"), "{}", status(&stage));
}

#[test]
fn a_rename_without_names_finishes_nothing_by_guess() {
    needs_root!();
    let stage = renamed_by_hand();
    stage.write("etc/hostname", "web01\n");
    let before = stage.system();
    let run = stage.run(&["rename", "--yes"]).demand(1);
    let words = "`/` is on the volume group `c-d`, and boot files name `a-b`, which LVM does not have: \
                 finish that first with `postclone rename a-b c-d`, or give OLD and NEW";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(before, stage.system());
}

#[test]
fn files_alone_are_finished_by_files_only() {
    needs_root!();
    let stage = renamed_by_hand();
    let images = KERNELS.map(|kernel| stage.read(&format!("boot/initrd.img-{kernel}")));
    let before = stage.system();
    stage.run(&["rename", "a-b", "c-d", "--files-only", "--yes"]).demand(0);
    assert!(stage.read("etc/fstab").starts_with("/dev/mapper/c--d-root / "));
    assert_eq!(images, KERNELS.map(|kernel| stage.read(&format!("boot/initrd.img-{kernel}"))));
    let asked = stage.asked();
    let asks = |line: &String| line.starts_with("lvm") || line.starts_with("update-initramfs");
    assert!(!asked.iter().any(asks), "{asked:?}");
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}

/// LVM reports a group only where it is told to pass its devices file by.
#[test]
fn status_says_what_hides_the_group_of_the_root_file_system() {
    needs_root!();
    let stage = on_group();
    fs::rename(stage.path("usr/sbin/lvm"), stage.path("usr/sbin/lvm.seeing")).unwrap();
    stage.program(
        "usr/sbin/lvm",
        "#!/bin/sh\ncase \"$*\" in\n*use_devicesfile=0*) exec /usr/sbin/lvm.seeing \"$@\" ;;\n\
         fullreport*) echo '{\"report\":[]}' ;;\nesac\n",
    );
    fs::create_dir_all(stage.path("etc/lvm/devices")).unwrap();
    stage.write(
        "etc/lvm/devices/system.devices",
        "VERSION=1.1.2\nIDTYPE=sys_wwid IDNAME=x PVID=p\n",
    );
    let words = "LVM ignores `/dev/vda5`, which holds the volume group `a-b`: `/etc/lvm/devices/system.devices` has the PVID in line 2 with the ID of another disk \
                 (IDTYPE=sys_wwid IDNAME=x): check with `lvmdevices --check`, then \
                 `lvmdevices --yes --adddev /dev/vda5`";
    assert!(status(&stage).ends_with(&format!("{words}.\n")), "{}", status(&stage));
    let run = stage.run(&["rename", "a-b", "c-d", "--yes"]).demand(1);
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert!(!run.stderr.contains("no volume group"), "{}", run.stderr);
    // With file systems named by UUID, sysfs alone knows the group.
    stage.write("etc/fstab", "UUID=1 / ext4 defaults 0 1\n");
    let run = stage.run(&["rename", "--yes"]).demand(1);
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(stage.read("stub/vg").trim(), "a-b");
}
