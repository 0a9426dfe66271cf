//! What a run meets on a machine and refuses before its first change, on a stage.

use crate::harness::needs_root;
use std::fs;

use crate::stage::Stage;

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];

#[test]
fn groups_that_must_not_be_renamed_are_refused() {
    needs_root!();
    for (attributes, words) in [
        ("rz--n-", "is read-only"),
        ("wzx-n-", "is exported: import it with `vgimport a-b`"),
        ("wz-pn-", "physical volumes of `a-b` are missing"),
        ("wz--ns", "is shared between hosts"),
        ("wz--nc", "is shared between hosts"),
    ] {
        let stage = Stage::new();
        stage.set("attr", attributes);
        refused(&stage, RENAME, words);
    }
}

#[test]
fn a_group_of_another_host_is_refused() {
    needs_root!();
    let stage = Stage::new();
    stage.set("owner", "template");
    let words = "belongs to the host `template`, and this one has no system ID: take it over first";
    refused(&stage, RENAME, words);
    stage.set("systemid", "clone");
    refused(&stage, RENAME, "belongs to the host `template`, and this one is `clone`");
    stage.set("systemid", "template");
    stage.run(RENAME).demand(0);
}

#[test]
fn volumes_on_the_move_are_refused() {
    needs_root!();
    for (attributes, words) in [
        ("pwI-aom---", "the volume `root` is being moved by pvmove"),
        ("Owi-aos---", "the volume `root` has a snapshot that is being merged"),
    ] {
        let stage = Stage::new();
        stage.set("lvattr", attributes);
        refused(&stage, RENAME, words);
    }
    let stage = Stage::new();
    stage.set("blkid", "DEVNAME=/dev/mapper/a--b-swap_1\nUUID=S-2\nTYPE=swsuspend");
    refused(&stage, RENAME, "the volume `swap_1` holds a hibernation image");
}

#[test]
fn grubs_own_checker_is_asked_before_the_first_change() {
    needs_root!();
    let stage = Stage::new();
    // Refuses whatever names the new group.
    stage.program(
        "usr/bin/grub-script-check",
        "#!/bin/sh\ncase $(cat $1) in *c--d*) echo 'syntax error, line 1' >&2; exit 1 ;; esac\n",
    );
    refused(&stage, RENAME, "checking the new `/boot/grub/grub.cfg`: `grub-script-check");
    // One that refuses the old file as well has nothing to say.
    stage.program("usr/bin/grub-script-check", "#!/bin/sh\nexit 1\n");
    stage.run(RENAME).demand(0);
}

/// util-linux reads fstab; what it says of devices that are not there yet is no objection.
#[test]
fn findmnt_is_asked_before_the_first_change() {
    needs_root!();
    let stage = Stage::new();
    let says = |errors: &str| {
        format!(
            "#!/bin/sh\ncase $(cat $3) in *c--d*) echo 'findmnt: parse error at line 1' >&2; n='{errors}' ;; *) n='0 parse errors' ;; esac\n\
             echo \"$n, 1 error, 2 warnings\"; exit 1\n"
        )
    };
    stage.program("usr/bin/findmnt", &says("1 parse error"));
    refused(&stage, RENAME, "checking the new `/etc/fstab`: `findmnt --verify --tab-file");
    stage.program("usr/bin/findmnt", &says("0 parse errors"));
    stage.run(RENAME).demand(0);
    // util-linux 2.41.5 sums up on stderr.
    let stage = Stage::new();
    stage.program(
        "usr/bin/findmnt",
        "#!/bin/sh\ncase $(cat $3) in *a--b*) exit 0 ;; esac\n\
         echo '0 parse errors, 2 errors, 0 warnings' >&2; exit 1\n",
    );
    stage.run(RENAME).demand(0);
}

#[test]
fn systemd_analyze_is_asked_before_the_first_change() {
    needs_root!();
    let stage = Stage::new();
    stage
        .write("etc/systemd/system/srv.mount", "[Mount]\nWhat=/dev/mapper/a--b-root\nWhere=/srv\n");
    stage.program(
        "usr/bin/systemd-analyze",
        "#!/bin/sh\ncase $(cat $2) in *c--d*) echo 'bad unit' >&2; exit 1 ;; esac\n",
    );
    let words = "checking the new `/etc/systemd/system/srv.mount`: `systemd-analyze verify";
    refused(&stage, RENAME, words);
    // The swap unit of the stage gets another name, by which it cannot be asked yet.
    fs::remove_file(stage.path("etc/systemd/system/srv.mount")).unwrap();
    stage.run(RENAME).demand(0);
}

#[track_caller]
fn refused(stage: &Stage, args: &[&str], words: &str) {
    let before = stage.system();
    let run = stage.run(args).demand(1);
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(before, stage.system());
    assert_eq!(stage.asked(), [""; 0]);
}

#[test]
fn what_is_in_the_way_is_found_before_the_first_change() {
    needs_root!();
    let stage = Stage::new();
    refused(&stage, &["rename", "a-b", "null", "--yes"], "`/dev/null` is a device of Linux itself");
    stage.write("dev/c-d", "");
    refused(&stage, RENAME, "`/dev/c-d` already exists");
    fs::remove_file(stage.path("dev/c-d")).unwrap();
    refused(
        &stage,
        &["rename", "nosuch", "c-d", "--yes"],
        "there is no volume group `nosuch`: LVM reports `a-b`",
    );
    stage.write("etc/fstab", &(stage.read("etc/fstab") + "UUID=1 /boot ext2 defaults 0 2\n"));
    refused(&stage, RENAME, "`/boot` is in /etc/fstab and not mounted: run `mount /boot`");
}

#[test]
fn missing_programs_are_named() {
    needs_root!();
    let stage = Stage::new();
    stage.write("etc/initramfs-tools/update-initramfs.conf", "# no\nupdate_initramfs=no\n");
    refused(&stage, RENAME, "update_initramfs=no in /etc/initramfs-tools/update-initramfs.conf");
    fs::remove_file(stage.path("etc/initramfs-tools/update-initramfs.conf")).unwrap();
    fs::remove_file(stage.path("usr/sbin/update-initramfs")).unwrap();
    refused(
        &stage,
        RENAME,
        "booster and mkinitfs is installed to build it: use --no-initramfs, and build it with the tool that made it",
    );
    fs::remove_file(stage.path("usr/sbin/lvm")).unwrap();
    refused(&stage, RENAME, "`lvm` is not installed: install the package lvm2");
}

#[test]
fn a_working_package_manager_is_waited_out() {
    use nix::fcntl::{FcntlArg, fcntl};
    needs_root!();
    let stage = Stage::new();
    stage.write("var/lib/dpkg/lock-frontend", "");
    let lock =
        fs::File::options().write(true).open(stage.path("var/lib/dpkg/lock-frontend")).unwrap();
    let whole = nix::libc::flock { l_type: 1, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
    fcntl(&lock, FcntlArg::F_SETLK(&whole)).unwrap();
    // Not `refused`: to read the file in this process would give the lock back (fcntl(2)).
    let run = stage.run(RENAME).demand(1);
    let words = "holds `/var/lib/dpkg/lock-frontend`: wait until dpkg or apt has ended";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(stage.asked(), [""; 0]);
}

#[test]
fn too_little_room_is_found_before_the_first_change() {
    needs_root!();
    for (dir, named) in [("var/lib", "/var/lib"), ("boot", "/boot")] {
        let stage = Stage::new();
        // In a mount namespace of its own; what is in the directory is put onto the small file system.
        let script = "cp -a \"$1/$2\" \"$1/tmp/kept\" && mount -t tmpfs -o size=1m tmpfs \"$1/$2\" && \
                      cp -a \"$1/tmp/kept/.\" \"$1/$2\" && exec chroot \"$1\" /usr/sbin/postclone rename a-b c-d --yes";
        let output = std::process::Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"])
            .args([stage.path("").to_str().unwrap(), dir])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let run = crate::harness::run(output).demand(1);
        let words = format!("the file system of `{named}");
        assert!(
            run.stderr.contains(&words)
                && run.stderr.contains(" MiB free, and ")
                && run.stderr.contains(" MiB are needed: make room"),
            "{}",
            run.stderr
        );
        assert_eq!(stage.asked(), [""; 0]);
        assert!(stage.read("etc/fstab").starts_with("/dev/mapper/a--b-root"));
    }
}

#[test]
fn another_roots_images_need_its_own_tool() {
    needs_root!();
    let stage = Stage::new();
    fs::create_dir(stage.path("mnt")).unwrap();
    for dir in ["etc", "boot", "lib"] {
        crate::tree::copy(&stage.path(dir), &stage.path("mnt").join(dir));
    }
    refused(
        &stage,
        &["rename", "a-b", "c-d", "--yes", "--root", "/mnt"],
        "booster and mkinitfs is installed to build it: use --no-initramfs, and build it with the tool that made it",
    );
    let run =
        stage.run(&["rename", "a-b", "c-d", "--yes", "--root", "/mnt", "--no-initramfs"]).demand(0);
    assert!(String::from_utf8(run.stdout).unwrap().contains("nothing is linked or reloaded"));
    assert!(stage.read("mnt/etc/fstab").starts_with("/dev/mapper/c--d-root"));
    assert!(stage.read("etc/fstab").starts_with("/dev/mapper/a--b-root"));
    // From the rescue system, too, it is taken back.
    stage.run(&["undo", "--yes", "--root", "/mnt"]).demand(0);
    assert!(stage.read("mnt/etc/fstab").starts_with("/dev/mapper/a--b-root"));
    assert_eq!(stage.read("stub/vg").trim(), "a-b");
}
