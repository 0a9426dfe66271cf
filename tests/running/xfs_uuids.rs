//! `postclone fixup --with fs-uuids`, where `/` is XFS on a logical volume: the next boot changes its UUID.
//!
//! That boot's script runs here on a real XFS file system, on a loop device, with a stub of lvm(8) that keeps the
//! volume's tags in a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{needs_root, run};
use crate::rename_host::on;
use crate::stage::Stage;
use crate::uuids::stage as on_ext;

const ROOT: &str = "11111111-1111-4111-8111-111111111111";
const PLAN: &str = "var/lib/postclone/at-boot-xfs";
const FIXUP: &[&str] =
    &["fixup", "--name", "web01", "--with", "fs-uuids", "--except", "random-seeds", "--yes"];

/// The same machine as of the other UUIDs' tests, with XFS on `/`.
fn stage() -> Stage {
    let stage = on_ext();
    let mounts = stage.read("proc/thread-self/mountinfo");
    stage.write("proc/thread-self/mountinfo", &mounts.replace("- ext4", "- xfs"));
    let fstab = stage.read("etc/fstab");
    stage.write("etc/fstab", &fstab.replace("/ ext4 defaults 0 1", "/ xfs defaults 0 0"));
    let devices = stage.read("stub/devices");
    stage.write("stub/devices", &devices.replace("ext4", "xfs"));
    for program in ["xfs_db", "xfs_repair"] {
        stage.program(&format!("usr/sbin/{program}"), "#!/bin/sh\n");
    }
    for part in ["hooks", "scripts/local-premount"] {
        let dir = format!("usr/share/initramfs-tools/{part}");
        fs::create_dir_all(stage.path(&dir)).unwrap();
        stage.program(&format!("{dir}/postclone"), "#!/bin/sh\n");
    }
    stage
}

/// What the plan has for `/`: its device and its new UUID.
fn planned(stage: &Stage) -> (String, String) {
    let plan = stage.read(PLAN);
    let words: Vec<&str> = plan.trim_end().split(' ').collect();
    assert_eq!((words.len(), words[0], words[2]), (4, "xfs", ROOT), "{plan}");
    (words[1].to_owned(), words[3].to_owned())
}

/// The boot that does what the plan says.
fn boot(stage: &Stage) -> String {
    let (_, new) = planned(stage);
    let devices = stage.read("stub/devices");
    stage.write("stub/devices", &devices.replace(ROOT, &new));
    stage.set("tags-r", "");
    new
}

#[test]
fn the_next_boot_changes_the_uuid_and_every_name_is_a_path() {
    needs_root!();
    let stage = stage();
    let dry = on(&stage, &[FIXUP, &["--dry-run", "--format", "json"]].concat()).demand(0);
    let plan: Value = serde_json::from_slice(&dry.stdout).unwrap();
    let steps = plan["steps"].as_array().unwrap();
    for name in ["hold-xfs-uuids", "plan-xfs-uuids"] {
        let step = steps.iter().find(|step| step["step"] == name).unwrap();
        assert_eq!(step["file_systems"], 1, "{step}");
    }
    let run = on(&stage, FIXUP).demand(0);
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &run.stderr;
    let (device, new) = planned(&stage);
    assert_eq!(device, "/dev/mapper/web01-root");
    for words in [
        "the UUID of / (XFS) changes at the next boot, before / is mounted",
        &format!("the next boot changes UUIDs to {new} (/)"),
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let fstab = stage.read("etc/fstab");
    assert!(fstab.contains("\n/dev/mapper/web01-root / xfs defaults 0 0\n"), "{fstab}");
    assert_eq!(stage.read("stub/tags-r"), ",postclone-uuid\n");
}

#[test]
fn a_tag_that_lvm_does_not_set_undoes_the_run() {
    needs_root!();
    let stage = stage();
    let lvm = stage.read("usr/sbin/lvm");
    stage.program("usr/sbin/lvm", &lvm.replace("mv \"$kept.new\" \"$kept\"", "true"));
    let run = on(&stage, FIXUP).demand(3);
    let words = "the volume r still lacks the tag postclone-uuid after `lvm lvchange --addtag postclone-uuid ";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert!(run.stderr.contains("`: check with `lvs -o +lv_tags`"), "{}", run.stderr);
}

#[test]
fn before_that_boot_undo_restores_every_byte_and_no_boot_changes_the_uuid() {
    needs_root!();
    let stage = stage();
    let kept = |stage: &Stage| ["stub/devices", "etc/fstab"].map(|path| stage.read(path));
    let before = kept(&stage);
    on(&stage, FIXUP).demand(0);
    on(&stage, &["undo", "--yes"]).demand(0);
    assert_eq!(before, kept(&stage));
    assert!(!stage.path(PLAN).exists());
    assert_eq!(stage.read("stub/tags-r"), "");
    let log = stage.read("stub/log");
    let steps: Vec<&str> = log.lines().filter(|line| line.contains("lvchange")).collect();
    assert_eq!(steps.len(), 2, "{steps:?}");
}

#[test]
fn after_that_boot_undo_keeps_the_uuid_and_the_paths() {
    needs_root!();
    let stage = stage();
    on(&stage, FIXUP).demand(0);
    let new = boot(&stage);
    // The old bytes name a UUID that is gone.
    let run = on(&stage, &["undo", "--yes", "--force"]).demand(1);
    let words = format!(
        "the boot gave / the UUID {new}, and the old files name the old one: use `postclone undo` without --force"
    );
    assert!(run.stderr.contains(&words), "{}", run.stderr);
    let run = on(&stage, &["undo", "--yes"]).demand(0);
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(said.contains(&format!("#  - the boot gave / the UUID {new}\n")), "{said}");
    let fstab = stage.read("etc/fstab");
    assert!(fstab.contains("\n/dev/mapper/a--b-root / xfs defaults 0 0\n"), "{fstab}");
    assert_eq!(stage.read("stub/vg"), "a-b\n");
    assert!(stage.read("stub/devices").contains(&new));
    assert!(!stage.path(PLAN).exists());
}

#[test]
fn the_plan_goes_when_the_uuid_is_new_and_stays_for_a_volume_that_is_not_there() {
    needs_root!();
    let stage = stage();
    on(&stage, FIXUP).demand(0);
    let (device, _) = planned(&stage);
    let new = boot(&stage);
    let link = stage.path(&device[1..]);
    let volume = fs::read_link(&link).unwrap();
    fs::remove_file(&link).unwrap();
    stage.run(&["forget-secrets"]).demand(0);
    assert!(stage.path(PLAN).exists());
    std::os::unix::fs::symlink(volume, link).unwrap();
    stage.write("stub/devices", &format!("{}{device} {new} xfs\n", stage.read("stub/devices")));
    stage.run(&["forget-secrets"]).demand(0);
    assert!(!stage.path(PLAN).exists());
}

#[test]
fn what_keeps_its_uuid_is_named_with_the_reason() {
    needs_root!();
    let said = |prepare: &dyn Fn(&Stage)| {
        let stage = stage();
        prepare(&stage);
        let run = on(&stage, &["fixup", "--only", "fs-uuids", "--dry-run"]).demand(0);
        String::from_utf8_lossy(&run.stdout).into_owned()
    };
    let mounts = |of: &str, options: &str| {
        format!(
            "20 1 254:0 / / rw - xfs /dev/mapper/a--b-root rw{options}\n21 20 8:1 / /boot rw - {of} /dev/vda1 rw\n"
        )
    };
    let path = "proc/thread-self/mountinfo";
    for (text, words) in [
        (
            mounts("xfs", ""),
            "/boot (xfs) keeps its UUID: the UUID of such a file system can change only while it is not mounted, and \
             no path names a partition that way",
        ),
        (
            mounts("ext2", ",logdev=/dev/sdb1"),
            "/ (xfs) keeps its UUID: its log or its real-time data is on a device of its own",
        ),
        (
            mounts("ext2", "").lines().next().unwrap().to_owned() + "\n",
            "/ (xfs) keeps its UUID: GRUB finds its files by that UUID",
        ),
    ] {
        let said = said(&|stage| stage.write(path, &text));
        assert!(said.contains(words), "{words}: {said}");
    }
    let hook = "usr/share/initramfs-tools/hooks/postclone";
    let missing = said(&|stage| fs::remove_file(stage.path(hook)).unwrap());
    let words = format!("/ (xfs) keeps its UUID: `/{hook}` does not exist: install the package");
    assert!(missing.contains(&words), "{missing}");
}

#[test]
fn what_would_fail_at_the_boot_refuses_the_run() {
    needs_root!();
    for (prepare, words) in [
        (
            (|stage: &Stage| fs::remove_file(stage.path("usr/sbin/xfs_repair")).unwrap())
                as fn(&Stage),
            "`xfs_repair`, which changes the UUID of an XFS file system, is not installed: install xfsprogs, or leave \
             out fs-uuids",
        ),
        (
            |stage: &Stage| stage.set("tags-r", ",postclone-uuid-begun"),
            "a boot has begun to change the UUID of /, as the tag postclone-uuid-begun of its volume says: reboot",
        ),
    ] {
        let stage = stage();
        prepare(&stage);
        let before = stage.system();
        let run = on(&stage, FIXUP).demand(1);
        assert!(run.stderr.contains(words), "{}", run.stderr);
        assert_eq!(before, stage.system());
    }
}

/// Kills and fails a run at each of its points, and boots: the boot finds all that is named, whether it changed the
/// UUID or not, and the run can be finished and taken back.
#[cfg(feature = "failpoints")]
#[test]
fn every_failure_and_kill_leaves_what_the_next_boot_finds() {
    use crate::rename_host::on_with;
    use crate::uuids::finds_all;
    needs_root!();
    let fixup = [FIXUP, &["-q"]].concat();
    let kept = |stage: &Stage| ["stub/vg", "etc/fstab"].map(|path| stage.read(path));
    let first = stage();
    on_with(&first, &fixup, &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")]).demand(0);
    let points: Vec<String> = first.read("stub/points").lines().map(str::to_owned).collect();
    assert_eq!(points.iter().filter(|name| *name == "tag").count(), 1, "{points:?}");
    let mut booted = 0;
    for (number, name) in points.iter().enumerate() {
        let is_near = points[number.saturating_sub(3)..].iter().take(7).any(|near| near == "tag");
        if !(is_near || name == "step" && crate::faults::is_taken(number)) {
            continue;
        }
        for how in ["fail", "kill"] {
            let stage = stage();
            let before = kept(&stage);
            let at = format!("{}:{how} ({name})", number + 1);
            let point = format!("{}:{how}", number + 1);
            let run = on_with(&stage, &fixup, &[("POSTCLONE_FAILPOINT", &point)]);
            assert!([0, 1, 3, 137].contains(&run.status), "{at}: {}", run.stderr);
            let tag = fs::read_to_string(stage.path("stub/tags-r")).unwrap_or_default();
            let is_planned = stage.path(PLAN).exists() && tag.contains("postclone-uuid");
            if run.status == 1 || run.status == 3 {
                assert!(!is_planned, "{at}");
                assert_eq!(before, kept(&stage), "{at}");
                continue;
            }
            // The worst that a boot can do: some image has the plan.
            if is_planned {
                boot(&stage);
                booted += 1;
            }
            assert_eq!(finds_all(&stage), Ok(()), "{at}");
            let undo = on(&stage, &["undo", "--yes"]);
            if !is_planned {
                assert!([0, 1].contains(&undo.status), "{at}: {}", undo.stderr);
                assert_eq!(before, kept(&stage), "{at}: {}", undo.stderr);
            } else if run.status != 0 {
                let words = "finish the run with `postclone rename --resume`, and undo it then";
                assert!(undo.demand(1).stderr.contains(words), "{at}");
                on(&stage, &["rename", "--resume"]).demand(0);
                assert_eq!(finds_all(&stage), Ok(()), "{at}");
                on(&stage, &["undo", "--yes"]).demand(0);
            }
            assert_eq!(finds_all(&stage), Ok(()), "{at}");
            assert_eq!(stage.read("stub/vg"), "a-b\n", "{at}");
        }
    }
    assert!(booted > 1);
}

/// The script of the initramfs, on a real file system.
struct Boot {
    dir: tempfile::TempDir,
    device: String,
    /// No two of them share a UUID: XFS mounts one of it.
    old: String,
    new: String,
}

impl Boot {
    fn new() -> Self {
        let drawn =
            || fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap().trim().to_owned();
        Self::with(drawn(), drawn())
    }

    fn with(old: String, new: String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("image");
        fs::File::create(&image).unwrap().set_len(320 << 20).unwrap();
        let mut made = Command::new("mkfs.xfs");
        made.args(["-q", "-m", &format!("uuid={old}")]).arg(&image);
        assert!(made.status().unwrap().success());
        let losetup =
            Command::new("losetup").args(["--find", "--show"]).arg(&image).output().unwrap();
        let device = String::from_utf8(losetup.stdout).unwrap().trim().to_owned();
        let boot = Self { dir, device, old, new };
        let text = fs::read_to_string("packaging/initramfs/local-premount").unwrap();
        let text = text.replace("plan=/etc/postclone/at-boot", "plan=plan");
        let text = text.replace(". /scripts/functions", ". ./functions");
        assert!(text.contains("plan=plan") && text.contains(". ./functions"));
        boot.write("script", &text.replace("/run/postclone-xfs", "./mounted"));
        boot.write(
            "functions",
            "log_warning_msg() { echo \"warning: $*\"; }\nlog_begin_msg() { echo \"$*\"; }\n\
             log_end_msg() { :; }\nwait_for_udev() { :; }\n",
        );
        boot.write("plan", &format!("xfs {} {} {}\n", boot.device, boot.old, boot.new));
        boot.write("tags", "postclone-uuid");
        boot.write(
            "lvm",
            "#!/bin/sh\ntags() { tr , '\\n' <tags | grep -vxF \"$1\" | paste -sd , >tags.new; mv tags.new tags; }\n\
             case $1 in\nlvs) echo \"  $(cat tags)\" ;;\nlvchange)\n\twhile [ $# -gt 0 ]; do\n\t\tcase $1 in\n\
             \t\t--addtag) echo \"$(cat tags),$2\" >tags ;;\n\t\t--deltag) tags \"$2\" ;;\n\t\tesac\n\t\tshift\n\
             \tdone\n\t;;\nesac\n",
        );
        // By a process of its own, see `Stage::program`.
        let mut install = Command::new("install");
        install.args(["-D", "-m", "755", "lvm", "bin/lvm"]).current_dir(boot.dir.path());
        let executable = install.status();
        assert!(executable.unwrap().success());
        boot
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A shell command in the boot's directory, in a mount namespace of its own: what it prints.
    fn sh(&self, script: &str) -> String {
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.path("bin").display());
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).current_dir(self.dir.path());
        let run = run(command.env("PATH", path).env("device", &self.device).output().unwrap());
        String::from_utf8_lossy(&run.stdout).into_owned() + &run.stderr
    }

    /// Boots once, and gives what is said.
    fn boot(&self) -> String {
        self.sh("sh script")
    }

    /// Which UUID it has, the tags, and the files of the file system, which is sound and mounts.
    fn state(&self) -> (String, String, String) {
        let uuid = self.sh("blkid -p -s UUID -o value $device").trim().to_owned();
        let uuid = uuid.replace(&self.old, "old").replace(&self.new, "new");
        let tags = fs::read_to_string(self.path("tags")).unwrap().trim().to_owned();
        let files = self.sh(
            "mkdir -p at && mount -t xfs $device at && ls at && umount at && xfs_repair -n $device \
                             >said 2>&1 || { echo BAD; cat said; }",
        );
        (uuid, tags, files.trim().to_owned())
    }
}

impl Drop for Boot {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("--detach").arg(&self.device).status();
    }
}

fn has_xfs() -> bool {
    let _ = Command::new("modprobe").arg("xfs").status();
    fs::read_to_string("/proc/filesystems").unwrap().contains("\txfs\n")
        && Path::new("/dev/loop-control").exists()
}

fn state(uuid: &str, tags: &str, files: &str) -> (String, String, String) {
    (uuid.to_owned(), tags.to_owned(), files.to_owned())
}

#[test]
fn a_boot_changes_the_uuid_once_and_only_where_it_may() {
    needs_root!();
    assert!(has_xfs(), "this kernel has no xfs");
    let boot = Boot::new();
    boot.write("tags", "mine");
    assert_eq!(boot.boot(), "");
    assert_eq!(boot.state(), state("old", "mine", ""));
    boot.write("tags", "mine,postclone-uuid");
    let said = boot.boot();
    assert_eq!(said, format!("postclone: giving {} another UUID\n", boot.device));
    assert_eq!(boot.state(), state("new", "mine", ""));
    assert_eq!(boot.boot(), "");
}

/// The log of a machine whose power failed has to be replayed first, and no word of it is lost.
#[test]
fn a_log_that_holds_something_is_replayed_first() {
    needs_root!();
    assert!(has_xfs(), "this kernel has no xfs");
    for tags in ["postclone-uuid", "postclone-uuid,postclone-uuid-begun"] {
        let boot = Boot::new();
        boot.write("tags", tags);
        boot.sh("mkdir at && mount -t xfs $device at && echo kept >at/kept && xfs_io -x -c 'shutdown -f' at && umount at");
        let said = boot.boot();
        assert_eq!(boot.state(), state("new", "", "kept"), "{said}");
    }
}

/// The power fails while xfs_db writes: the log comes first, and then the superblocks.
#[test]
fn the_next_boot_goes_on_where_the_power_failed() {
    needs_root!();
    assert!(has_xfs(), "this kernel has no xfs");
    let whole = Boot::new();
    let field = |name: &str| -> u64 {
        let said = whole.sh(&format!("xfs_db -r -c 'sb 0' -c 'p {name}' $device"));
        said.trim().rsplit(' ').next().unwrap().parse().unwrap()
    };
    let (start, bits) = (field("logstart"), field("agblklog"));
    let block = field("blocksize");
    let from = (start >> bits) * field("agblocks") + (start & ((1 << bits) - 1));
    let (blocks, sectors) = (field("logblocks"), block / 512);
    whole.boot();
    assert_eq!(whole.state().0, "new");
    // How much of the log had been written, and whether the first superblock had.
    for (written, superblock) in
        [(0, false), (1, false), (blocks / 2, false), (blocks, false), (blocks, true)]
    {
        let cut = Boot::with(whole.old.clone(), whole.new.clone());
        cut.write("tags", "postclone-uuid,postclone-uuid-begun");
        let image = whole.path("image");
        let image = image.display();
        if written > 0 {
            cut.sh(&format!(
                "dd if={image} of=$device bs={block} skip={from} seek={from} count={written} conv=notrunc,fsync"
            ));
        }
        if superblock {
            cut.sh(&format!(
                "dd if={image} of=$device bs=512 count={} conv=notrunc,fsync",
                sectors.min(1)
            ));
        }
        let said = cut.boot();
        assert_eq!(cut.state(), state("new", "", ""), "{written} of {blocks} blocks: {said}");
    }
}
