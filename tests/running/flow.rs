//! Whole runs on a stage: what is asked of which program, in which order, and what is true after
//! something failed.

use crate::harness::needs_root;
use std::fs;

use nix::sys::signal::Signal;

use crate::stage::{KERNELS, SWAP, Stage, UUID, WANT};

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];

#[test]
fn a_run_takes_its_steps_in_order() {
    needs_root!();
    let stage = Stage::new();
    // The volumes' devices, and a physical volume on dm-crypt, which udev is not to look at again.
    let group = UUID.replace('-', "");
    for (node, uuid) in [
        ("dm-0", "CRYPT-LUKS2-0123-vda5_crypt".to_owned()),
        ("dm-1", format!("LVM-{group}r")),
        ("dm-2", format!("LVM-{group}s")),
        ("dm-3", "LVM-otherr".to_owned()),
    ] {
        fs::create_dir_all(stage.path(&format!("sys/block/{node}/dm"))).unwrap();
        stage.write(&format!("sys/block/{node}/dm/uuid"), &format!("{uuid}\n"));
    }
    let run = stage.run(RENAME).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains("# Done in "), "{out}");
    assert_eq!(
        stage.asked(),
        [
            "systemctl list-units --all --full --plain --no-legend --no-pager".to_owned(),
            format!("lvm vgrename --driverloaded n --config global{{wait_for_locks=0}} {UUID} c-d"),
            "udevadm control --reload".to_owned(),
            "udevadm trigger --action=change --subsystem-match=block --sysname-match=dm-1 \
             --sysname-match=dm-2"
                .to_owned(),
            "udevadm settle --timeout=60".to_owned(),
            "systemctl daemon-reload".to_owned(),
            format!("update-initramfs -u -k {}", KERNELS[0]),
            format!("update-initramfs -u -k {}", KERNELS[1]),
            "systemctl list-units --all --full --plain --no-legend --no-pager".to_owned(),
        ]
    );
    assert!(!run.stderr.contains("ms from LVM's rename"), "{}", run.stderr);
    // The images were built from the new files.
    let image = stage.read(&format!("boot/initrd.img-{}", KERNELS[1]));
    assert!(
        image.contains("/dev/mapper/c--d-root /")
            && image.contains("RESUME=/dev/mapper/c--d-swap_1"),
        "{image}"
    );
    assert_eq!(stage.read("stub/vg").trim(), "c-d");
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    let (before, asked) = (stage.system(), stage.asked());
    let run = stage.run(RENAME).demand(0);
    assert!(String::from_utf8(run.stdout).unwrap().contains("# Nothing to do"));
    assert_eq!(before, stage.system());
    assert_eq!(asked, stage.asked());
}

#[test]
fn undo_brings_every_byte_back() {
    needs_root!();
    let stage = Stage::new();
    let before = stage.system();
    stage.run(RENAME).demand(0);
    assert_ne!(before, stage.system());
    let run = stage.run(&["undo", "--yes"]).demand(0);
    assert!(
        String::from_utf8(run.stdout)
            .unwrap()
            .contains("every file has its old bytes; the group is a-b")
    );
    assert_eq!(before, stage.system());
    let again = stage.run(&["undo", "--yes"]).demand(0);
    assert!(String::from_utf8(again.stdout).unwrap().contains("is already undone"));
    // And there once more.
    stage.run(RENAME).demand(0);
    assert_eq!(stage.read("stub/vg").trim(), "c-d");
}

#[test]
fn undo_puts_old_bytes_over_an_edit_with_force_alone() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    let mine = stage.read("etc/fstab") + "# mine\n";
    stage.write("etc/fstab", &mine);
    stage.run(&["undo", "--yes", "--force"]).demand(0);
    let now = stage.read("etc/fstab");
    assert!(now.starts_with("/dev/mapper/a--b-root") && !now.contains("mine"), "{now}");
    let kept = tempfile_find(&stage, "changed/etc/fstab");
    assert_eq!(fs::read_to_string(kept).unwrap(), mine);
}

fn tempfile_find(stage: &Stage, tail: &str) -> std::path::PathBuf {
    let runs = fs::read_dir(stage.path("var/lib/postclone")).unwrap();
    runs.flatten().map(|run| run.path().join(tail)).find(|path| path.exists()).expect("it is kept")
}

#[test]
fn failures_are_taken_back_and_said() {
    needs_root!();
    for (stub, how, status, words) in [
        ("vgrename", "lie", 3, "still has the name `a-b`: `lvm vgrename"),
        ("vgrename", "fail", 3, "ended with exit status 5: New VG name \"c-d\" already exists"),
        ("initramfs", "fail", 3, "ended with exit status 1: gzip: stdout: No space left on device"),
        ("initramfs", "idle", 3, "left the old `/boot/initrd.img-6.1.0-1-amd64` in place"),
        ("initramfs", "empty", 3, "`/boot/initrd.img-6.1.0-1-amd64` is empty"),
        ("initramfs", "half", 3, "`update-initramfs -u -k 6.1.0-2-amd64` ended with exit status 2"),
        ("initramfs", "complain", 3, "Couldn't resolve device"),
        ("initramfs", "cut", 3, "reading the image `/boot/initrd.img-6.1.0-1-amd64`: "),
        (
            "initramfs",
            "named",
            3,
            "the new image still names a-b: /boot/initrd.img-6.1.0-1-amd64(wait):1:1: /dev/mapper/a--b-root",
        ),
        (
            "initramfs",
            "bare",
            3,
            "lacks `cryptsetup` and `lvm` and the mapping `vda_crypt` in its crypttab, which the old one had",
        ),
    ] {
        let stage = Stage::new();
        stage.set(stub, how);
        let before = stage.system();
        let run = stage.run(RENAME).demand(status);
        assert!(run.stderr.contains(words), "{stub} {how}: {}", run.stderr);
        assert!(
            run.stderr.contains("failed, and everything was restored"),
            "{stub} {how}: {}",
            run.stderr
        );
        assert_eq!(before, stage.system(), "{stub} {how}");
    }
}

#[test]
fn images_of_an_unknown_kind_are_left_unjudged_and_said() {
    needs_root!();
    let stage = Stage::new();
    for kernel in KERNELS {
        stage.write(&format!("boot/initrd.img-{kernel}"), "a new kind of image\n");
    }
    let run = stage.run(RENAME).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains("rebuilt, but reading the image `/var/lib/postclone/"), "{out}");
    assert!(out.contains("the new image could not be compared with it"), "{out}");
}

#[test]
fn a_rename_ends_with_what_is_left() {
    needs_root!();
    let stage = Stage::new();
    fs::create_dir_all(stage.path("opt")).unwrap();
    stage.write("opt/run", "lvcreate -s /dev/a-b/root\n");
    fs::create_dir_all(stage.path("boot/grub/i386-pc")).unwrap();
    stage.write("boot/grub/i386-pc/core.img", "\0\0(lvm/a--b-root)/boot/grub\0");
    let accepting = [RENAME, &["--accept-stale"]].concat();
    let run = stage.run(&[&accepting[..], &["--format", "json"]].concat()).demand(0);
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let left = report["left"].as_array().unwrap();
    assert_eq!(left.len(), 2, "{left:?}");
    let told = |at: usize| (left[at]["severity"].as_str(), left[at]["path"].as_str());
    assert_eq!(told(0), (Some("boot"), Some("/boot/grub/i386-pc/core.img")));
    assert_eq!(told(1), (Some("error"), Some("/opt/run")));
    stage.run(&["undo", "--yes"]).demand(0);
    let run = stage.run(&accepting).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    let head = out.replace("\n# ", " ");
    assert!(head.contains("; 1 place that the next boot may read names a-b."), "{head}");
    assert!(
        out.contains("# The next boot may find a-b there: fix that before you reboot."),
        "{out}"
    );
}

#[test]
fn what_cannot_be_restored_is_said() {
    needs_root!();
    let stage = Stage::new();
    // The rename goes through, the images fail, and vgrename then lies on the way back.
    stage.set("vgrename", "once");
    stage.set("initramfs", "fail");
    let run = stage.run(RENAME).demand(4);
    for words in [
        "; and not everything could be restored: ",
        "; the old files are in `",
        "`: fix what is named and run `postclone undo`",
    ] {
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
    assert!(run.stderr.contains("still has the name `c-d`"), "{}", run.stderr);
    assert!(!run.stderr.contains("everything was restored;"), "{}", run.stderr);
    let status = stage.run(&["status"]).demand(0);
    assert!(String::from_utf8(status.stdout).unwrap().contains("Finish it with `postclone undo`"));
    // Mended, undo ends it.
    stage.set("vgrename", "ok");
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(stage.read("stub/vg").trim(), "a-b");
}

#[test]
fn a_lock_that_is_held_is_waited_for() {
    needs_root!();
    let stage = Stage::new();
    stage.set("vgrename", "locked");
    stage.run(RENAME).demand(0);
    assert_eq!(stage.asked().iter().filter(|line| line.starts_with("lvm vgrename")).count(), 2);
}

/// A daemon that a program leaves behind keeps the pipes of its output open.
#[test]
fn a_child_that_a_program_leaves_behind_is_not_waited_for() {
    needs_root!();
    let stage = Stage::new();
    let talks = "echo 'DEVNAME=/dev/mapper/a--b-root\nUUID=R-1\n\nDEVNAME=/dev/mapper/a--b-swap_1\nUUID=S-2'";
    stage.program("usr/sbin/blkid", &format!("#!/bin/sh\nsleep 60 &\nprintf \"$({talks})\"\n"));
    let start = std::time::Instant::now();
    let run = stage.run(RENAME).demand(0);
    assert!(start.elapsed().as_secs() < 40, "{:?}", start.elapsed());
    // What it wrote before it ended is heard all the same.
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(!out.contains("power cut"), "{out}");
    assert!(stage.read("stub/at-rename").starts_with("UUID=R-1 / ext4"));
}

/// LVM fails so where a lock's file is removed between its opening and its locking.
#[test]
fn a_report_that_fails_without_a_reason_is_asked_for_again() {
    needs_root!();
    let stage = Stage::new();
    stage.set("silent", "once\ntwice");
    stage.run(RENAME).demand(0);
    assert_eq!(stage.read("stub/silent"), "");

    let stage = Stage::new();
    stage.set("silent", "ever");
    let run = stage.run(RENAME);
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.stderr.contains("ended with exit status 5: "), "{}", run.stderr);
    assert!(run.stderr.contains("a reason"), "{}", run.stderr);
}

#[test]
fn nothing_waits_for_a_reboot_where_no_dm_node_bears_the_old_name() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    assert!(!stage.path("run/reboot-required").exists());
    assert!(!stage.path("etc/default/grub.d/zz-postclone.cfg").is_symlink());
}

#[test]
fn while_the_name_changes_a_boot_finds_its_file_systems_by_uuid() {
    needs_root!();
    let stage = Stage::new();
    let run = stage.run(RENAME).demand(0);
    let bridge = "UUID=R-1 / ext4 defaults 0 1\nUUID=S-2 none swap sw 0 0\nlinux /vmlinuz root=UUID=R-1 ro\n";
    assert_eq!(stage.read("stub/at-rename"), bridge);
    assert!(!String::from_utf8(run.stdout).unwrap().contains("power cut"));
    // And back.
    stage.set("blkid", "");
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(stage.read("stub/at-rename"), bridge);
}

#[test]
fn where_there_is_no_bridge_it_is_said() {
    needs_root!();
    let stage = Stage::new();
    stage.set("blkid", "DEVNAME=/dev/mapper/a--b-root\nUUID=R-1\n\nDEVNAME=/dev/sdb\nUUID=R-1");
    let run = stage.run(RENAME).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(
        out.contains("`root` has no file system with a UUID of its own: a power cut between"),
        "{out}"
    );
    assert!(stage.read("stub/at-rename").starts_with("/dev/mapper/a--b-root / ext4"));
}

/// An image's crypttab is obeyed before any file of the root file system.
#[test]
fn with_luks_on_a_volume_images_are_bridged_as_well() {
    needs_root!();
    let stage = Stage::encrypted();
    let image = format!("boot/initrd.img-{}", KERNELS[1]);
    stage.program(
        "usr/bin/udevadm",
        &format!("#!/bin/sh\n[ \"$2\" = --reload ] && cat /{image} > /stub/bridged\nexit 0\n"),
    );
    let before = stage.system();
    let run = stage.run(RENAME).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(!out.contains("power cut"), "{out}");
    let bridged = stage.read("stub/bridged");
    for line in ["RESUME=UUID=S-2\n", "root_crypt UUID=R-1 none luks\n"] {
        assert!(bridged.contains(line), "{bridged}");
    }
    assert!(stage.read(&image).contains("root_crypt /dev/mapper/c--d-root none luks\n"));
    let told = stage.asked().iter().filter(|line| line.starts_with("update-initramfs")).count();
    assert_eq!(told, 2 * KERNELS.len());
    stage.run(&["undo", "--yes"]).demand(0);
    fs::remove_file(stage.path("stub/bridged")).unwrap();
    assert!(before == stage.system());

    let stage = Stage::encrypted();
    let run = stage.run(&[RENAME, &["--no-initramfs"]].concat()).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    let words =
        "images have copies of /etc/crypttab or lvm.conf, and no image is built here: a power cut";
    assert!(out.contains(words), "{out}");
}

#[test]
fn what_does_not_apply_is_left_out_and_said() {
    needs_root!();
    let stage = Stage::new();
    fs::remove_file(stage.path("run/udev/control")).unwrap();
    fs::remove_dir(stage.path("run/systemd/system")).unwrap();
    let run = stage.run(RENAME).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains("udev does not run here: the volumes have no links"), "{out}");
    assert!(out.contains("systemd does not run here: nothing is reloaded"), "{out}");
    assert!(
        stage
            .asked()
            .iter()
            .all(|line| !line.starts_with("udevadm") && !line.starts_with("systemctl"))
    );
}

#[test]
fn the_report_for_programs_says_what_was_seen() {
    needs_root!();
    let stage = Stage::new();
    let run = stage.run(&[RENAME, &["--format", "json"]].concat()).demand(0);
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["schema"], 1);
    assert_eq!(report["outcome"], "done");
    assert_eq!(report["steps"][1]["step"], "bridge-files");
    assert!(report["journal"].as_str().unwrap().starts_with("/var/lib/postclone/"));
    let seen = report["seen"].as_array().unwrap();
    assert!(seen.iter().any(|line| line.as_str().unwrap().contains("planned again")), "{seen:?}");
    // Progress is on stderr alone.
    assert!(run.stderr.contains("postclone: rename volume group a-b"), "{}", run.stderr);
}

#[test]
fn status_says_what_to_do_next() {
    needs_root!();
    let stage = Stage::new();
    let say = |stage: &Stage| String::from_utf8(stage.run(&["status"]).demand(0).stdout).unwrap();
    assert!(say(&stage).contains("host name:           c\n"), "{}", say(&stage));
    stage.run(RENAME).demand(0);
    assert!(say(&stage).contains("last run:            a-b to c-d, done\n"), "{}", say(&stage));
    stage.run(&["undo", "--yes"]).demand(0);
    assert!(say(&stage).contains("last run:            a-b to c-d, undone\n"), "{}", say(&stage));
}

#[test]
fn a_run_on_the_guest_is_taken_back_from_a_rescue_system() {
    needs_root!();
    let guest = Stage::new();
    let before: Vec<_> =
        ["etc/fstab", "boot/grub/grub.cfg", "boot/initrd.img-6.1.0-2-amd64", SWAP, WANT]
            .map(|path| (path, guest.read(path)))
            .into();
    guest.run(RENAME).demand(0);
    let rescue = Stage::new();
    for dir in ["etc", "boot", "var"] {
        crate::tree::copy(&guest.path(dir), &rescue.path("mnt").join(dir));
    }
    rescue.set("vg", "c-d");
    rescue.run(&["undo", "--yes", "--root", "/mnt"]).demand(0);
    assert_eq!(rescue.read("stub/vg").trim(), "a-b");
    for (path, bytes) in before {
        assert_eq!(rescue.read(&format!("mnt/{path}")), bytes);
    }
    let asked = rescue.asked();
    assert!(asked.iter().all(|line| line.starts_with("lvm vgrename")), "{asked:?}");
}

/// Seen in a guest: cut between the group's rename and the links, booted under the new name.
#[cfg(feature = "failpoints")]
#[test]
fn an_undo_after_a_cut_and_a_boot_settles_the_running_system() {
    let points = Stage::new();
    points.run_with(RENAME, &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")]).demand(0);
    let names = points.read("stub/points");
    // The first step after the group's rename: its new files are not in place, nothing is linked.
    let commit =
        names.lines().enumerate().filter(|(_, name)| *name == "commit").nth(2).unwrap().0 + 1;
    let stage = Stage::new();
    stage.run_with(RENAME, &[("POSTCLONE_FAILPOINT", &format!("{commit}:kill"))]).demand(137);
    assert_eq!(stage.read("stub/vg").trim(), "c-d");
    assert!(stage.asked().iter().all(|line| !line.starts_with("udevadm")));
    stage.run(&["undo", "--yes"]).demand(0);
    let asked = stage.asked();
    assert!(asked.iter().any(|line| line == "udevadm control --reload"), "{asked:?}");
    assert!(asked.iter().any(|line| line == "systemctl daemon-reload"), "{asked:?}");
}

#[test]
fn what_somebody_began_by_hand_is_finished() {
    needs_root!();
    let stage = Stage::new();
    stage.set("vg", "c-d");
    stage.run(RENAME).demand(0);
    assert!(stage.read("etc/fstab").starts_with("/dev/mapper/c--d-root"));
    let image = stage.read("boot/initrd.img-6.1.0-1-amd64");
    assert!(image.contains("/dev/mapper/c--d-root"), "{image}");
    let asked = stage.asked();
    assert!(asked.iter().all(|line| !line.starts_with("lvm vgrename")), "{asked:?}");
    assert!(asked.iter().any(|line| line == "systemctl daemon-reload"), "{asked:?}");
}

#[test]
fn what_a_killed_image_tool_leaves_behind_goes_with_the_undo() {
    needs_root!();
    let stage = Stage::new();
    let before = stage.system();
    // It is killed in the middle, as by a power cut, and takes postclone with it.
    let killed = "#!/bin/sh\necho half > /boot/initrd.img-$3.new\n\
                  echo old > /boot/initrd.img-$3.dpkg-bak\nkill -9 $PPID\n";
    stage.program("usr/sbin/update-initramfs", killed);
    stage.run(RENAME).demand(137);
    assert!(stage.path("boot/initrd.img-6.1.0-1-amd64.new").exists());
    stage.install_update_initramfs();
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(timeless(&before), timeless(&stage.system()));
}

/// The stub is not what it was in time.
fn timeless(things: &[crate::stage::Thing]) -> Vec<(&std::path::Path, &crate::tree::Content)> {
    things.iter().map(|thing| (thing.path.as_path(), &thing.content)).collect()
}

#[test]
fn a_request_to_stop_takes_the_run_back() {
    needs_root!();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let stage = Stage::new();
        let before = stage.system();
        stage.set("initramfs", "hang");
        let run = stage.run_signalled(RENAME, signal).demand(3);
        let words = format!("stopped by signal {}", signal as i32);
        assert!(
            run.stderr.contains(&words) && run.stderr.contains("everything was restored"),
            "{}",
            run.stderr
        );
        assert_eq!(before, stage.system(), "{signal}");
    }
}

#[test]
fn a_terminal_that_goes_away_does_not_stop_the_run() {
    needs_root!();
    let stage = Stage::new();
    stage.program(
        "usr/sbin/update-initramfs",
        "#!/bin/sh\necho \"update-initramfs $*\" >> /stub/log\nsleep 1\n\
         sed s/amd64/AMD64/ /boot/initrd.img-$3 > /boot/initrd.img-$3.new\n\
         mv /boot/initrd.img-$3.new /boot/initrd.img-$3\n",
    );
    stage.run_signalled(RENAME, Signal::SIGHUP).demand(0);
    assert_eq!(stage.read("stub/vg").trim(), "c-d");
}
