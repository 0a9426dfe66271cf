//! Many files, few descriptors; and what is changed between staging and the flip.

use crate::harness::needs_root;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::stage::Stage;

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes", "-q"];

/// More files than a process may have open, each with one name of the group.
const FILES: usize = 1100;
const OPEN: &str = "64";

fn crowded() -> Stage {
    let stage = Stage::new();
    fs::create_dir_all(stage.path("etc/cron.d")).unwrap();
    for number in 0..FILES {
        stage.write(&format!("etc/cron.d/job{number}"), "@daily root lvs /dev/a-b/root\n");
    }
    stage
}

#[test]
fn the_number_of_files_is_not_limited_by_that_of_descriptors() {
    needs_root!();
    let stage = crowded();
    let before = stage.system();
    stage.run_limited(OPEN, RENAME).demand(0);
    let last = format!("etc/cron.d/job{}", FILES - 1);
    assert_eq!(stage.read(&last), "@daily root lvs /dev/c-d/root\n");
    stage.run_limited(OPEN, &["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}

#[test]
fn nor_is_the_way_back_after_a_failure() {
    needs_root!();
    let stage = crowded();
    let before = stage.system();
    // Images are built when the files have been replaced.
    stage.set("initramfs", "fail");
    stage.run_limited(OPEN, RENAME).demand(3);
    assert_eq!(before, stage.system());
}

#[test]
fn a_mode_that_is_given_between_staging_and_the_flip_stays() {
    needs_root!();
    let stage = Stage::new();
    let lvm = stage.read("usr/sbin/lvm");
    assert!(lvm.contains("vgrename)\n"));
    let meddles = "vgrename)\n\t/usr/bin/busybox chmod 600 /etc/fstab /boot/grub/grub.cfg\n";
    stage.program("usr/sbin/lvm", &lvm.replace("vgrename)\n", meddles));
    stage.run(RENAME).demand(0);
    for path in ["etc/fstab", "boot/grub/grub.cfg"] {
        let mode = fs::metadata(stage.path(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600, "{path}");
        assert!(stage.read(path).contains("/dev/mapper/c--d-root"), "{path}");
    }
}
