//! GRUB reads the new files as soon as a run says so: a copy of the disk, taken while it is mounted, is
//! shown to GRUB's own code. Needs loop devices, mkfs.xfs, fsfreeze and grub-fstest.

use crate::harness::needs_root;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::stage::{KERNELS, Stage};

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];

fn does(program: &str, args: &[&Path]) {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn fsfreeze(how: &str, dir: &Path) -> bool {
    Command::new("fsfreeze").arg(how).arg(dir).output().unwrap().status.success()
}

/// A stage with a file system of its own for a directory, on a file of the stage's that stubs can copy.
struct Disk {
    stage: Stage,
    at: &'static str,
}

impl Disk {
    fn of(mkfs: &[&str], at: &'static str) -> Self {
        let disk = Self { stage: Stage::new(), at };
        let stage = &disk.stage;
        let image = stage.path("stub/disk");
        fs::File::create(&image).unwrap().set_len(320 << 20).unwrap();
        let mut args: Vec<&Path> = mkfs[1..].iter().map(Path::new).collect();
        args.push(&image);
        does(mkfs[0], &args);
        let dir = stage.path(at);
        let kept = stage.path("stub/kept");
        fs::create_dir_all(&dir).unwrap();
        does("cp", &[Path::new("-a"), &dir, &kept]);
        does("mount", &[Path::new("-o"), Path::new("loop"), &image, &dir]);
        does("cp", &[Path::new("-a"), &kept.join("."), &dir]);
        // What is there now is at its place, whatever comes later.
        assert!(fsfreeze("--freeze", &dir) && fsfreeze("--unfreeze", &dir));
        let program = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(program.contains(dir.to_str().unwrap()));
        does("install", &[Path::new("/usr/sbin/fsfreeze"), &stage.path("usr/sbin/fsfreeze.real")]);
        stage.program("usr/sbin/fsfreeze", "#!/bin/sh\nexec /usr/sbin/fsfreeze.real \"$@\"\n");
        // The program starts itself, by /proc/self/exe.
        fs::create_dir(stage.path("proc")).unwrap();
        does("mount", &[Path::new("--bind"), Path::new("/proc"), &stage.path("proc")]);
        let lvm = stage.read("usr/sbin/lvm");
        let copies = "vgrename)\n\tcp /stub/disk /stub/disk-at-rename\n";
        stage.program("usr/sbin/lvm", &lvm.replace("vgrename)\n", copies));
        disk
    }

    /// A file as GRUB reads it off a copy of the disk.
    fn grub_reads(&self, disk: &str, path: &str) -> Vec<u8> {
        let copy = self.stage.path("stub/copy");
        does("cp", &[Path::new("--sparse=always"), &self.stage.path(disk), &copy]);
        let output = Command::new("grub-fstest").arg(&copy).args(["cat", path]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let dir = self.stage.path(self.at);
        fsfreeze("--unfreeze", &dir);
        for dir in [dir, self.stage.path("proc")] {
            let _ = Command::new("umount").arg(&dir).status();
        }
    }
}

fn grub_sees_every_change(mkfs: &[&str]) {
    let disk = Disk::of(mkfs, "boot");
    let stage = &disk.stage;
    let menu = || String::from_utf8(disk.grub_reads("stub/disk", "/grub/grub.cfg")).unwrap();
    assert!(menu().contains("root=/dev/mapper/a--b-root"));
    let run = stage.run(RENAME).demand(0);
    assert!(!run.stderr.contains("was not written back"), "{}", run.stderr);
    // At the moment of the group's rename GRUB sees the bridge.
    let bridge = disk.grub_reads("stub/disk-at-rename", "/grub/grub.cfg");
    assert_eq!(String::from_utf8(bridge).unwrap(), "linux /vmlinuz root=UUID=R-1 ro\n");
    assert!(menu().contains("root=/dev/mapper/c--d-root"), "{}", menu());
    let image = format!("initrd.img-{}", KERNELS[1]);
    let built = fs::read(stage.path("boot").join(&image)).unwrap();
    assert!(disk.grub_reads("stub/disk", &format!("/{image}")) == built);
    stage.run(&["undo", "--yes"]).demand(0);
    assert!(menu().contains("root=/dev/mapper/a--b-root"), "{}", menu());
}

#[test]
fn grub_sees_every_change_on_xfs() {
    needs_root!();
    grub_sees_every_change(&["mkfs.xfs", "-q"]);
}

#[test]
fn grub_sees_every_change_on_ext4() {
    needs_root!();
    grub_sees_every_change(&["mkfs.ext4", "-q"]);
}

#[test]
fn a_file_system_is_thawed_whoever_is_killed() {
    needs_root!();
    let disk = Disk::of(&["mkfs.xfs", "-q"], "boot");
    let kills = "#!/bin/sh\n/usr/sbin/fsfreeze.real \"$@\" || exit\n\
                 [ \"$1\" = --unfreeze ] || { echo frozen >> /stub/log; kill -9 $PPID; }\n";
    disk.stage.program("usr/sbin/fsfreeze", kills);
    disk.stage.run(RENAME).demand(137);
    assert!(disk.stage.asked().contains(&"frozen".to_owned()));
    std::thread::sleep(Duration::from_secs(3));
    // fsfreeze(8) fails on a file system that is not frozen.
    assert!(!fsfreeze("--unfreeze", &disk.stage.path("boot")));
}

#[test]
fn a_file_system_that_cannot_be_frozen_is_said_before_and_after() {
    needs_root!();
    let disk = Disk::of(&["mkfs.xfs", "-q"], "boot");
    disk.stage.program("usr/sbin/fsfreeze", "#!/bin/sh\necho no >&2\nexit 1\n");
    let run = disk.stage.run(RENAME).demand(0);
    let words =
        "the log of the XFS on `/boot/grub` was not written back, and GRUB may read the old files";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    fs::remove_file(disk.stage.path("usr/sbin/fsfreeze")).unwrap();
    let run = disk.stage.run(&["rename", "c-d", "e-f", "--dry-run"]).demand(0);
    let out = String::from_utf8(run.stdout).unwrap().replace("\n# ", " ");
    assert!(
        out.contains(
            "`fsfreeze` (util-linux), which makes XFS write its log back, is not installed"
        ),
        "{out}"
    );
}

#[test]
fn boot_in_the_xfs_of_the_root_is_warned_of() {
    needs_root!();
    let disk = Disk::of(&["mkfs.xfs", "-q"], "mnt");
    let root = disk.stage.path("mnt");
    for dir in ["etc", "boot", "lib", "lib64", "usr", "bin", "dev", "run", "var"] {
        let from = disk.stage.path(dir);
        if from.exists() {
            does("cp", &[Path::new("-a"), &from, &root]);
        }
    }
    fs::create_dir_all(root.join("stub")).unwrap();
    for file in ["vg", "lv", "attr", "owner", "systemid", "pvs", "lvattr", "blkid"] {
        fs::copy(disk.stage.path("stub").join(file), root.join("stub").join(file)).unwrap();
    }
    let output = Command::new("chroot")
        .arg(&root)
        .args(["/usr/sbin/postclone", "rename", "a-b", "c-d", "--dry-run"])
        .output()
        .unwrap();
    let run = crate::harness::run(output).demand(0);
    let out = String::from_utf8(run.stdout).unwrap().replace("\n# ", " ");
    let words = "it is in the XFS file system of `/`, which is not frozen while it is in use";
    assert!(out.contains(words), "{out}");
}
