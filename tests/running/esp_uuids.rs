//! `postclone fixup --with fs-uuids` on a machine with an EFI system partition: FAT is unmounted while its serial number
//! changes.

use std::fs;
use std::process::Command;

use crate::harness::needs_root;
use crate::rename_host::on;
use crate::stage::Stage;
use crate::uuids::stage as without_esp;

const SERIAL: &str = "1A2B-3C4D";
const BOOT: &str = "22222222-2222-4222-8222-222222222222";
const FIXUP: &[&str] =
    &["fixup", "--name", "web01", "--with", "fs-uuids", "--except", "random-seeds", "--yes"];

/// As dosfstools 4.2, on the list of devices. Nothing may be mounted from it.
const FATLABEL: &str = r#"#!/bin/sh
echo "fatlabel $*" >> /stub/log
[ "$1" = -i ] && [ "$2" = /dev/vda2 ] || exit 1
[ "$(cat /stub/fatlabel)" = ok ] || { echo "fatlabel: a failure" >&2; exit 1; }
! grep -q ' /boot/efi ' /proc/thread-self/mountinfo || { echo "fatlabel: it is mounted" >&2; exit 1; }
serial=$(echo "$3" | sed 's/^..../&-/')
sed -i "s/^\/dev\/vda2 [^ ]*/\/dev\/vda2 $serial/" /stub/devices
"#;

const UMOUNT: &str = r#"#!/bin/sh
echo "umount $*" >> /stub/log
[ "$(cat /stub/umount)" = ok ] || { echo "umount: /boot/efi: target is busy." >&2; exit 32; }
[ "$1" = /boot/efi ] && mv /boot/efi /boot/esp && mkdir /boot/efi || exit 1
sed -i '/ \/boot\/efi /d' /proc/thread-self/mountinfo
"#;

/// What it mounts has to be there by the name that fstab has.
const MOUNT: &str = r#"#!/bin/sh
echo "mount $*" >> /stub/log
[ "$(cat /stub/mount)" != nothing ] || exit 0
[ "$(cat /stub/mount)" = ok ] || { echo "mount: a failure" >&2; exit 32; }
source=$(busybox awk '$2 == "/boot/efi" { print $1 }' /etc/fstab)
echo "$source" >> /stub/mounted-as
case $source in
PARTUUID=beef-02) ;;
UUID=*) busybox grep -q "^/dev/vda2 ${source#UUID=} " /stub/devices || exit 32 ;;
*) exit 32 ;;
esac
rmdir /boot/efi && mv /boot/esp /boot/efi || exit 32
echo "22 21 8:2 / /boot/efi rw - vfat /dev/vda2 rw" >> /proc/thread-self/mountinfo
"#;

fn stage() -> Stage {
    let stage = without_esp();
    for dir in ["sys/dev/block/8:2", "boot/efi/EFI/debian", "proc/42"] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    let made = Command::new("mknod").arg(stage.path("dev/vda2")).args(["b", "8", "2"]).status();
    assert!(made.unwrap().success());
    stage.write("sys/dev/block/8:2/uevent", "MAJOR=8\nMINOR=2\nDEVNAME=vda2\n");
    for (path, line) in [
        ("proc/thread-self/mountinfo", "22 21 8:2 / /boot/efi rw - vfat /dev/vda2 rw\n".to_owned()),
        ("etc/fstab", format!("UUID={SERIAL} /boot/efi vfat umask=0077 0 1\n")),
        ("stub/devices", format!("/dev/vda2 {SERIAL} vfat beef-02\n")),
    ] {
        stage.write(path, &(stage.read(path) + &line));
    }
    let boot = uuid(&stage, "/dev/vda1");
    stage.write(
        "boot/efi/EFI/debian/grub.cfg",
        &format!("search.fs_uuid {boot} root hd0,gpt2 \nset prefix=($root)'/grub'\n"),
    );
    for (program, text) in
        [("usr/sbin/fatlabel", FATLABEL), ("usr/bin/umount", UMOUNT), ("usr/bin/mount", MOUNT)]
    {
        stage.program(program, text);
    }
    stage.set("fatlabel", "ok");
    stage.set("mount", "ok");
    stage.set("umount", "ok");
    stage
}

fn uuid(stage: &Stage, device: &str) -> String {
    let text = stage.read("stub/devices");
    let line = text.lines().find(|line| line.split(' ').next() == Some(device)).unwrap();
    line.split(' ').nth(1).unwrap().to_owned()
}

/// `mount /boot/efi`
fn mount(stage: &Stage) -> bool {
    let mut command = Command::new("chroot");
    let mounted = command.arg(stage.path("")).args(["/usr/bin/mount", "/boot/efi"]).status();
    mounted.unwrap().success()
}

fn kept(stage: &Stage) -> [String; 4] {
    ["stub/devices", "etc/fstab", "boot/efi/EFI/debian/grub.cfg", "proc/thread-self/mountinfo"]
        .map(|path| stage.read(path))
}

#[test]
fn the_serial_number_changes_while_it_is_not_mounted() {
    needs_root!();
    let stage = stage();
    let before = kept(&stage);
    let run = on(&stage, FIXUP).demand(0);
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &run.stderr;
    let (esp, boot) = (uuid(&stage, "/dev/vda2"), uuid(&stage, "/dev/vda1"));
    assert_ne!(esp, SERIAL, "{said}");
    for words in [
        "/boot/efi is unmounted for a moment, so that its UUID can change",
        &format!("/boot/efi has the UUID {esp}"),
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let fstab = stage.read("etc/fstab");
    assert!(fstab.contains(&format!("\nUUID={esp} /boot/efi vfat umask=0077 0 1\n")), "{fstab}");
    assert_eq!(
        stage.read("boot/efi/EFI/debian/grub.cfg"),
        format!("search.fs_uuid {boot} root hd0,gpt2 \nset prefix=($root)'/grub'\n")
    );
    // On the bridge fstab named the partition.
    assert_eq!(stage.read("stub/mounted-as"), "PARTUUID=beef-02\n");
    let rules = stage.read("run/udev/rules.d/99-postclone-uuids.rules");
    assert!(rules.contains(&format!("==\"{esp}\", SYMLINK+=\"disk/by-uuid/{SERIAL}\"")), "{rules}");
    on(&stage, &["undo", "--yes"]).demand(0);
    assert_eq!(before, kept(&stage));
}

#[test]
fn a_failure_puts_it_back_and_mounts_it() {
    needs_root!();
    for program in ["fatlabel", "umount", "initramfs"] {
        let stage = stage();
        let before = kept(&stage);
        stage.set(program, "fail");
        on(&stage, FIXUP).demand(3);
        assert_eq!(before, kept(&stage), "{program}");
    }
    // A mount that mounts nothing is not believed.
    let lying = stage();
    lying.set("mount", "nothing");
    let run = on(&lying, FIXUP).demand(4);
    let words = "mounting `/boot/efi` again: `/boot/efi` is not mounted: run `mount /boot/efi`";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    // Nobody can mount it: what is to be done is said, and then done.
    let stage = stage();
    let before = kept(&stage);
    stage.set("mount", "fail");
    let run = on(&stage, FIXUP).demand(4);
    assert!(run.stderr.contains("mounting `/boot/efi` again"), "{}", run.stderr);
    stage.set("mount", "ok");
    let run = on(&stage, &["undo", "--yes"]).demand(1);
    let words = "`/boot/efi` is in /etc/fstab and not mounted: run `mount /boot/efi`";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert!(mount(&stage));
    on(&stage, &["undo", "--yes"]).demand(0);
    assert_eq!(before, kept(&stage));
}

/// What an undo cannot unmount is said before it changes anything, also by an undo with a plan of its own.
#[test]
fn undo_waits_for_those_who_use_it() {
    needs_root!();
    for later_kernel in [false, true] {
        let stage = stage();
        let before = kept(&stage);
        on(&stage, FIXUP).demand(0);
        if later_kernel {
            let menu = stage.read("boot/grub/grub.cfg");
            let entry = "linux /vmlinuz-3 root=/dev/mapper/web01-root ro\n";
            stage.write("boot/grub/grub.cfg", &format!("{entry}{menu}"));
            let devices = stage.read("stub/devices").replace("/mapper/a--b-", "/mapper/web01-");
            stage.write("stub/devices", &devices);
            fs::remove_file(stage.path("stub/mounted-as")).unwrap();
        }
        let after = kept(&stage);
        stage.write("proc/42/comm", "vi\n");
        std::os::unix::fs::symlink("/boot/efi/EFI", stage.path("proc/42/cwd")).unwrap();
        let run = on(&stage, &["undo", "--yes"]).demand(1);
        let words = "/boot/efi cannot be unmounted, and its UUID changes only while it is not mounted: process 42 \
                     (`vi`) uses it; end that, and run the command again";
        assert!(run.stderr.contains(words), "{later_kernel}: {}", run.stderr);
        assert_eq!(after, kept(&stage));
        fs::remove_file(stage.path("proc/42/cwd")).unwrap();
        on(&stage, &["undo", "--yes"]).demand(0);
        if later_kernel {
            assert_eq!(uuid(&stage, "/dev/vda2"), SERIAL);
            let line = format!("UUID={SERIAL} /boot/efi vfat umask=0077 0 1\n");
            assert!(stage.read("etc/fstab").ends_with(&line));
            // The plan of the undo has a bridge of its own.
            assert_eq!(stage.read("stub/mounted-as"), "PARTUUID=beef-02\n");
        } else {
            assert_eq!(before, kept(&stage));
        }
    }
}

/// A run keeps room for its undo in an open file, and an open file keeps a file system from being unmounted.
#[cfg(feature = "failpoints")]
#[test]
fn the_room_for_the_undo_is_free_while_it_is_unmounted_and_taken_again() {
    use crate::rename_host::on_with;
    needs_root!();
    let stage = stage();
    on_with(&stage, FIXUP, &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")]).demand(0);
    let points = stage.read("stub/points");
    let (_, later) = points.split_once("\nunmounted\n").unwrap();
    assert!(later.contains("\nreserve\n"), "{later}");
}

#[test]
fn what_keeps_its_serial_number_is_named_with_the_reason() {
    needs_root!();
    for (prepare, words) in [
        (
            (|stage: &Stage| fs::remove_file(stage.path("usr/sbin/fatlabel")).unwrap())
                as fn(&Stage),
            "/boot/efi keeps its UUID: `fatlabel` is not installed: install dosfstools",
        ),
        (
            |stage| {
                let mounts = stage.read("proc/thread-self/mountinfo");
                let more = "23 22 8:3 / /boot/efi/x rw - vfat /dev/vda3 rw\n";
                stage.write("proc/thread-self/mountinfo", &(mounts + more));
            },
            "/boot/efi keeps its UUID: `/boot/efi/x` is mounted below it",
        ),
        (
            |stage| {
                stage.write("proc/42/comm", "vi\n");
                std::os::unix::fs::symlink("/boot/efi/EFI", stage.path("proc/42/cwd")).unwrap();
            },
            "/boot/efi keeps its UUID: process 42 (`vi`) uses it",
        ),
    ] {
        let stage = stage();
        prepare(&stage);
        let run = on(&stage, FIXUP).demand(0);
        let said = String::from_utf8_lossy(&run.stdout).into_owned() + &run.stderr;
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(uuid(&stage, "/dev/vda2"), SERIAL);
        assert_ne!(uuid(&stage, "/dev/vda1"), BOOT);
    }
}

/// Fails and kills a run at each point around the change: the next boot finds what fstab names, and mounts it.
#[cfg(feature = "failpoints")]
#[test]
fn every_failure_and_kill_leaves_what_the_next_boot_finds() {
    use crate::rename_host::on_with;
    use crate::uuids::finds_all;
    needs_root!();
    let fixup = [FIXUP, &["-q"]].concat();
    let first = stage();
    on_with(&first, &fixup, &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")]).demand(0);
    let points: Vec<String> = first.read("stub/points").lines().map(str::to_owned).collect();
    let at = points.iter().position(|name| name == "unmounted").unwrap();
    for (number, called) in points.iter().enumerate().skip(at - 2).take(5) {
        for how in ["fail", "kill"] {
            let stage = stage();
            let before = kept(&stage);
            let name = format!("{number}:{how} ({called})");
            let point = format!("{}:{how}", number + 1);
            let run = on_with(&stage, &fixup, &[("POSTCLONE_FAILPOINT", &point)]);
            // A mount that fails once is tried again.
            let wanted: &[i32] = if how == "fail" { &[0, 3] } else { &[137] };
            assert!(wanted.contains(&run.status), "{name}: {}", run.stderr);
            if run.status != 3 {
                assert_eq!(finds_all(&stage), Ok(()), "{name}");
                // As a boot does, or a person.
                if !stage.read("proc/thread-self/mountinfo").contains(" /boot/efi ") {
                    assert!(mount(&stage), "{name}");
                }
                on(&stage, &["undo", "--yes"]).demand(0);
            }
            assert_eq!(before, kept(&stage), "{name}");
        }
    }
}
