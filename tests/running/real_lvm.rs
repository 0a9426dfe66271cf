//! Real LVM on loop devices, metadata alone: every situation in which vgrename refuses, lies with exit
//! status 0, or does half. postclone says so first, and nothing is changed.
//!
//! Each case has disks of its own and an `/etc/lvm` of its own, which shows LVM those disks alone, in
//! a mount namespace. Nothing is activated, so a kernel without device-mapper will do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::harness::{Run, demand_programs, needs_root, run};
use crate::tree;

static CASES: AtomicU32 = AtomicU32::new(0);

/// Disks, an `/etc/lvm`, and a root tree that names the group `a-b`.
struct Lab {
    dir: tempfile::TempDir,
    disks: Vec<PathBuf>,
    /// No two cases share a name: LVM's locks are the machine's.
    old: String,
    new: String,
}

impl Lab {
    fn new(disks: usize) -> Self {
        demand_programs();
        let dir = tempfile::tempdir().unwrap();
        let number = CASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("pc{}-{number}", std::process::id());
        let mut lab =
            Self { dir, disks: Vec::new(), old: format!("{name}-a"), new: format!("{name}-b") };
        for path in ["lvm/archive", "lvm/backup", "root/etc"] {
            fs::create_dir_all(lab.path(path)).unwrap();
        }
        for number in 0..disks {
            let file = lab.path(&format!("disk{number}"));
            fs::File::create(&file).unwrap().set_len(24 << 20).unwrap();
            lab.attach(&file, &[]);
        }
        let fstab =
            format!("/dev/mapper/{}-root / ext4 defaults 0 1\n", lab.old.replace('-', "--"));
        fs::write(lab.path("root/etc/fstab"), fstab).unwrap();
        lab
    }

    /// With a group on the first disk, and a volume in it.
    fn with_group() -> Self {
        let lab = Self::new(1);
        lab.make_group(0, &[]);
        lab.lvm(&["lvcreate", "-qq", "-l1", "-n", "root", "-Zn", "-Wn", &lab.old]);
        lab
    }

    fn make_group(&self, disk: usize, more: &[&str]) {
        let disk = self.disks[disk].to_str().unwrap();
        self.lvm(&[&["vgcreate", "-qq"], more, &[&self.old, disk]].concat());
    }

    fn attach(&mut self, file: &Path, more: &[&str]) {
        let output = Command::new("losetup")
            .args(["--find", "--show"])
            .args(more)
            .arg(file)
            .output()
            .unwrap();
        assert!(output.status.success(), "a loop device is needed: {output:?}");
        self.disks.push(String::from_utf8(output.stdout).unwrap().trim().into());
        self.configure("");
    }

    fn detach(&mut self, disk: usize) {
        let disk = self.disks.remove(disk);
        assert!(Command::new("losetup").arg("-d").arg(disk).status().unwrap().success());
    }

    fn configure(&self, more: &str) {
        let disks: Vec<String> =
            self.disks.iter().map(|disk| format!("\"a|^{}$|\"", disk.display())).collect();
        let text = format!(
            "devices {{ use_devicesfile=0 filter=[ {}, \"r|.*|\" ] }}\nglobal {{ activation=0 }}\n{more}\n",
            disks.join(", ")
        );
        fs::write(self.path("lvm/lvm.conf"), text).unwrap();
    }

    /// LVM looks at the disks of its devices file alone, which has these lines.
    fn devices_file(&self, lines: &str) {
        let text = "devices { use_devicesfile=1 }\nglobal { activation=0 }\n";
        fs::write(self.path("lvm/lvm.conf"), text).unwrap();
        fs::create_dir_all(self.path("lvm/devices")).unwrap();
        fs::write(self.path("lvm/devices/system.devices"), lines).unwrap();
    }

    /// The UUID of the physical volume on a disk, as the devices file writes it.
    fn pvid(&self, disk: usize) -> String {
        let disk = self.disks[disk].to_str().unwrap();
        self.lvm(&["pvs", "--noheadings", "-o", "pv_uuid", disk]).trim().replace('-', "")
    }

    fn path(&self, inner: &str) -> PathBuf {
        self.dir.path().join(inner)
    }

    /// A command that sees this lab's `/etc/lvm`.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-c"])
            .arg("mount --bind \"$1\" /etc/lvm && shift && exec \"$@\"")
            .arg("sh")
            .arg(self.path("lvm"))
            .arg(program)
            .env("LVM_SUPPRESS_FD_WARNINGS", "1")
            .stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn lvm(&self, args: &[&str]) -> String {
        let run = run(self.command("lvm").args(args).output().unwrap());
        assert_eq!(run.status, 0, "lvm {args:?}: {}", run.stderr);
        String::from_utf8(run.stdout).unwrap()
    }

    /// Changes the metadata's text and writes it back.
    fn edit_metadata(&self, from: &str, to: &str) {
        let file = self.path("metadata");
        self.lvm(&["vgcfgbackup", "-qq", "-f", file.to_str().unwrap(), &self.old]);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&file, text.replace(from, to)).unwrap();
        self.lvm(&["vgcfgrestore", "-qq", "-f", file.to_str().unwrap(), &self.old]);
    }

    fn names(&self) -> String {
        let columns = ["-o", "vg_name,vg_uuid,lv_name", "--foreign", "--shared"];
        self.lvm(&[&["vgs", "--noheadings"], &columns[..]].concat())
    }

    fn uuid(&self) -> String {
        self.lvm(&["vgs", "--noheadings", "-o", "vg_uuid", &self.old]).trim().to_owned()
    }

    fn rename(&self, more: &[&str]) -> Run {
        let mut command = self.command(env!("CARGO_BIN_EXE_postclone"));
        command.args(["rename", "--yes", "--no-initramfs", "--root"]).arg(self.path("root"));
        run(command.args(more).output().unwrap())
    }

    /// Demands a refusal in these words, before anything was changed.
    #[track_caller]
    fn refused(&self, more: &[&str], words: &[&str]) {
        let before = (self.names(), tree::read(&self.path("root")));
        let run = self.rename(&[&[self.old.as_str(), self.new.as_str()], more].concat());
        assert_eq!(run.status, 1, "{}", run.stderr);
        for word in words {
            assert!(run.stderr.contains(word), "`{word}` is missing in: {}", run.stderr);
        }
        assert_eq!(before, (self.names(), tree::read(&self.path("root"))));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for disk in &self.disks {
            let _ = Command::new("losetup").arg("-d").arg(disk).status();
        }
    }
}

#[test]
fn a_group_is_renamed_and_taken_back() {
    needs_root!();
    let lab = Lab::with_group();
    assert_eq!(lab.rename(&[&lab.old, &lab.new]).status, 0);
    assert!(lab.names().contains(&format!("{} ", lab.new)), "{}", lab.names());
    let mut undo = lab.command(env!("CARGO_BIN_EXE_postclone"));
    let undone =
        run(undo.args(["undo", "--yes", "--root"]).arg(lab.path("root")).output().unwrap());
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    assert!(lab.names().contains(&format!("{} ", lab.old)), "{}", lab.names());
}

#[test]
fn a_volume_is_renamed_and_taken_back() {
    needs_root!();
    let lab = Lab::with_group();
    let verb = |args: &[&str]| {
        let mut command = lab.command(env!("CARGO_BIN_EXE_postclone"));
        let run = run(command.args(args).arg("--root").arg(lab.path("root")).output().unwrap());
        assert_eq!(run.status, 0, "{}", run.stderr);
    };
    verb(&["rename-lv", &format!("{}/root", lab.old), "sys-tem", "--yes", "--no-initramfs"]);
    assert!(lab.names().trim_end().ends_with(" sys-tem"), "{}", lab.names());
    let fstab = fs::read_to_string(lab.path("root/etc/fstab")).unwrap();
    assert!(fstab.contains("-sys--tem / ext4"), "{fstab}");
    verb(&["undo", "--yes"]);
    assert!(lab.names().trim_end().ends_with(" root"), "{}", lab.names());
}

#[test]
fn a_name_that_is_taken() {
    needs_root!();
    let mut lab = Lab::with_group();
    let file = lab.path("second");
    fs::File::create(&file).unwrap().set_len(24 << 20).unwrap();
    lab.attach(&file, &[]);
    lab.lvm(&["vgcreate", "-qq", &lab.new, lab.disks[1].to_str().unwrap()]);
    lab.refused(&[], &["already has the name `"]);
    // The second group's UUID is no name either.
    let uuid = lab.lvm(&["vgs", "--noheadings", "-o", "vg_uuid", &lab.new]).trim().to_owned();
    let run = lab.rename(&[&lab.old, &uuid]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let words = format!("`{uuid}` is the UUID of the volume group `{}`", lab.new);
    assert!(run.stderr.contains(&words), "{}", run.stderr);
}

#[test]
fn two_groups_of_one_name() {
    needs_root!();
    let mut lab = Lab::with_group();
    let first = lab.uuid();
    // The second is made where the first cannot be seen.
    let disk = lab.disks.remove(0);
    let file = lab.path("second");
    fs::File::create(&file).unwrap().set_len(24 << 20).unwrap();
    lab.attach(&file, &[]);
    lab.make_group(0, &[]);
    let second = lab.uuid();
    lab.disks.push(disk);
    lab.configure("");
    lab.refused(&[], &["2 volume groups are named", &first, &second, "choose one with --vg-uuid"]);
    let run = lab.rename(&[&lab.old, &lab.new, "--vg-uuid", &first]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains(&format!("every file with that name is taken to mean {first}")), "{out}");
    let names = lab.lvm(&["vgs", "--noheadings", "-o", "vg_name,vg_uuid"]);
    assert!(names.contains(&format!("{} {first}", lab.new)), "{names}");
    assert!(names.contains(&format!("{} {second}", lab.old)), "{names}");
}

/// vgrename: exit status 0, not renamed.
#[test]
fn a_raw_copy_beside_its_source() {
    needs_root!();
    let mut lab = Lab::with_group();
    let copy = lab.path("copy");
    fs::copy(lab.path("disk0"), &copy).unwrap();
    lab.attach(&copy, &[]);
    let disks = [lab.disks[0].to_str().unwrap(), lab.disks[1].to_str().unwrap()];
    lab.refused(
        &[],
        &[
            "the physical volume ",
            " is on several disks, ",
            disks[0],
            disks[1],
            ": detach the copy, or give it its own name and UUIDs with vgimportclone(8)",
        ],
    );
}

/// vgrename: exit status 0, not renamed.
#[test]
fn a_disk_that_cannot_be_written() {
    needs_root!();
    let mut lab = Lab::with_group();
    lab.detach(0);
    let file = lab.path("disk0");
    lab.attach(&file, &["--read-only"]);
    lab.refused(
        &[],
        &[
            "the physical volume `/dev/loop",
            "` is read-only, and vgrename would report success without renaming the group: see `blockdev --getro \
             /dev/loop",
            "`, `blockdev --setrw /dev/loop",
        ],
    );
}

/// vgrename: exit status 0, not renamed.
#[test]
fn a_full_metadata_area() {
    needs_root!();
    let lab = Lab::new(1);
    lab.make_group(0, &["--metadatasize", "64k", "-s", "16k"]);
    // Long tags fill it quickly; the last ones in small steps.
    for length in [1024, 100] {
        for number in 0.. {
            let tag = format!("t{length}_{number}_{}", "x".repeat(length - 20));
            let mut command = lab.command("lvm");
            let added =
                command.args(["vgchange", "-qq", "--addtag", &tag, &lab.old]).output().unwrap();
            if !added.status.success() {
                break;
            }
        }
    }
    lab.refused(
        &[],
        &[
            "the metadata area of",
            "bytes free, and the new name needs up to",
            ": see `vgs -o +vg_mda_size,vg_mda_free ",
            "; remove a snapshot, or add a disk with `vgextend --metadatasize`",
        ],
    );
}

/// vgrename: exit status 0, not renamed.
#[test]
fn a_volume_whose_name_gets_too_long() {
    needs_root!();
    let mut lab = Lab::with_group();
    let long = "x".repeat(100);
    lab.lvm(&["lvcreate", "-qq", "-l1", "-n", &long, "-Zn", "-Wn", &lab.old]);
    lab.new = format!("{}-{}", lab.new, "y".repeat(20));
    lab.refused(&[], &["characters; LVM stores at most 124: choose a shorter name"]);
}

/// vgrename: the metadata renamed, the volume left suspended, exit status 0.
#[test]
fn a_dm_name_that_gets_too_long_with_its_hyphens_doubled() {
    needs_root!();
    let mut lab = Lab::with_group();
    lab.lvm(&["lvcreate", "-qq", "-l1", "-n", &"x".repeat(84), "-Zn", "-Wn", &lab.old]);
    lab.new = "n-".repeat(19) + "n";
    lab.refused(&[], &["the dm name", "the kernel accepts at most 127"]);
}

/// vgrename: exit status 0, not renamed; 5 without its locks.
#[test]
fn directories_of_lvm_that_cannot_be_written() {
    needs_root!();
    for (dir, words) in [
        (
            "/etc/lvm/archive",
            "LVM cannot keep the old metadata in `/etc/lvm/archive` (Read-only file system): mount it read-write, or see \
             `lsattr -d`",
        ),
        ("/run/lock", "File locking initialisation failed."),
    ] {
        let lab = Lab::with_group();
        let script = format!(
            "mount --bind \"$1\" /etc/lvm && mount --bind {dir} {dir} && \
             mount -o remount,bind,ro {dir} && shift && exec \"$@\""
        );
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-c", &script, "sh"])
            .arg(lab.path("lvm"))
            .arg(env!("CARGO_BIN_EXE_postclone"))
            .args(["rename", "--yes", "--no-initramfs", &lab.old, &lab.new, "--root"])
            .arg(lab.path("root"));
        let before = lab.names();
        let run = run(command.stdin(Stdio::null()).output().unwrap());
        assert_eq!(run.status, 1, "{}", run.stderr);
        assert!(run.stderr.contains(words), "{}", run.stderr);
        assert_eq!(before, lab.names());
    }
}

#[test]
fn groups_that_are_not_this_hosts_alone() {
    needs_root!();
    let lab = Lab::with_group();
    lab.edit_metadata("\"WRITE\"]", "\"WRITE\", \"EXPORTED\"]");
    lab.refused(&[], &["is exported: import it with `vgimport"]);

    let lab = Lab::with_group();
    lab.edit_metadata("\"READ\", \"WRITE\"]\n\tflags", "\"READ\"]\n\tflags");
    lab.refused(&[], &["is read-only, and vgrename would refuse to rename it"]);

    let lab = Lab::with_group();
    lab.edit_metadata("\"WRITE\"]\n\tflags", "\"WRITE\", \"CLUSTERED\"]\n\tflags");
    lab.refused(&[], &["there is no volume group", "it says: Skipping clustered VG"]);

    let lab = Lab::with_group();
    lab.edit_metadata(
        "\tmax_lv = 0",
        "\tlock_type = \"sanlock\"\n\tlock_args = \"1.0.0:lvmlock\"\n\tmax_lv = 0",
    );
    lab.refused(&[], &["is shared between hosts"]);

    let lab = Lab::new(1);
    lab.make_group(
        0,
        &["--config", "local{system_id=\"template\"} global{system_id_source=\"lvmlocal\"}"],
    );
    lab.refused(&[], &["belongs to the host `template`, and this one has no system ID"]);
    lab.configure("local { system_id=\"clone\" extra_system_ids=[\"template\"] }\n");
    let conf = fs::read_to_string(lab.path("lvm/lvm.conf")).unwrap();
    let conf = conf.replace("activation=0", "activation=0 system_id_source=\"lvmlocal\"");
    fs::write(lab.path("lvm/lvm.conf"), conf).unwrap();
    lab.refused(&[], &["belongs to the host `template`, and this one is `clone`"]);
}

#[test]
fn a_group_that_lacks_a_disk() {
    needs_root!();
    let mut lab = Lab::new(2);
    let disks: Vec<String> = lab.disks.iter().map(|disk| disk.display().to_string()).collect();
    lab.lvm(&["vgcreate", "-qq", &lab.old, &disks[0], &disks[1]]);
    lab.detach(1);
    lab.configure("");
    lab.refused(&[], &["physical volumes of", "are missing"]);
}

#[test]
fn a_lock_that_somebody_holds() {
    use nix::fcntl::{Flock, FlockArg};
    needs_root!();
    for (how, words) in [
        (
            FlockArg::LockExclusiveNonblock,
            "another LVM command has held a lock for 10 s: see `lslocks`, and wait until it has ended",
        ),
        // Reports pass it, vgrename would not.
        (FlockArg::LockSharedNonblock, "another LVM command has held `/run/lock/lvm/V_"),
    ] {
        let lab = Lab::with_group();
        let lock = format!("/run/lock/lvm/V_{}", lab.old);
        let before = tree::read(&lab.path("root"));
        let held = Flock::lock(fs::File::create(&lock).unwrap(), how).unwrap();
        let run = lab.rename(&[&lab.old, &lab.new]);
        drop(held);
        let _ = fs::remove_file(&lock);
        assert_eq!(run.status, 1, "{}", run.stderr);
        assert!(run.stderr.contains(words), "{}", run.stderr);
        assert_eq!(before, tree::read(&lab.path("root")));
    }
}

/// Neither stands in vgrename's way, nor in postclone's.
#[test]
fn what_vgrename_does_not_mind() {
    needs_root!();
    let lab = Lab::with_group();
    lab.lvm(&["vgchange", "-qq", "--resizeable", "n", &lab.old]);
    lab.configure("global { metadata_read_only=1 }\n");
    let run = lab.rename(&[&lab.old, &lab.new]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    // A name that is only shaped like a UUID.
    let shaped = "abcdef-abcd-abcd-abcd-abcd-abcd-abcdef";
    let run = lab.rename(&[&lab.new, shaped]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(lab.names().contains(shaped));
}

/// LVM says nothing but `Devices file ... not found`, and reports no group.
#[test]
fn a_devices_file_of_the_template() {
    needs_root!();
    let lab = Lab::with_group();
    let (disk, pvid) = (lab.disks[0].to_str().unwrap(), lab.pvid(0));
    let uuid = lab.uuid();
    let passed = format!("LVM ignores `{disk}`, which holds the volume group `{}`: ", lab.old);
    let add = format!("`lvmdevices --check`, then `lvmdevices --yes --adddev {disk}`");
    let stale = format!(
        "# LVM uses devices listed in this file.\nPRODUCT_UUID=4c4c4544\nHOSTNAME=svlmon2\nVERSION=1.1.2\n\
         IDTYPE=sys_wwid IDNAME=naa.600 DEVNAME=/dev/sda3 PVID={pvid}\n"
    );
    let file = "`/etc/lvm/devices/system.devices`";
    for (lines, words) in [
        (
            stale.as_str(),
            format!(
                "{file}, which was written on the host `svlmon2`, has the PVID in line 5 with the ID of another disk (IDTYPE=sys_wwid IDNAME=naa.600)"
            ),
        ),
        (
            "VERSION=1.1.2\nIDTYPE=sys_wwid IDNAME=naa.600 DEVNAME=/dev/sda3 PVID=x\n",
            format!("{file} has no line with the PVID of `{disk}`"),
        ),
    ] {
        lab.devices_file(lines);
        for more in [&[][..], &["--vg-uuid", &uuid]] {
            lab.refused(more, &[&passed, &words, &add]);
        }
        let run = lab.rename(&[&lab.old, &lab.new]);
        assert!(!run.stderr.contains("no volume group"), "{}", run.stderr);
    }
    // The advice is good.
    lab.devices_file(&stale);
    lab.lvm(&["lvmdevices", "--yes", "--adddev", disk]);
    let run = lab.rename(&[&lab.old, &lab.new]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(lab.names().contains(&lab.new));
}

/// vgreduce --removemissing would throw the half away that is there.
#[test]
fn a_devices_file_with_half_of_the_group() {
    needs_root!();
    let lab = Lab::new(2);
    let disks: Vec<String> = lab.disks.iter().map(|disk| disk.display().to_string()).collect();
    lab.lvm(&["vgcreate", "-qq", &lab.old, &disks[0], &disks[1]]);
    lab.devices_file("");
    lab.lvm(&["lvmdevices", "--yes", "--adddev", &disks[0]]);
    let passed = format!("LVM ignores `{}`, which holds the volume group", disks[1]);
    lab.refused(&[], &[&passed, &format!("`lvmdevices --yes --adddev {}`", disks[1])]);
    let run = lab.rename(&[&lab.old, &lab.new]);
    assert!(!run.stderr.contains("vgreduce"), "{}", run.stderr);
}

#[test]
fn a_filter_of_the_template() {
    needs_root!();
    let lab = Lab::with_group();
    let text = "devices { use_devicesfile=0 filter=[ \"a|^/dev/disk/by-id/scsi-template$|\", \"r|.*|\" ] }\n\
                global { activation=0 }\n";
    fs::write(lab.path("lvm/lvm.conf"), text).unwrap();
    let passed = format!("LVM ignores `{}`, which holds the", lab.disks[0].display());
    lab.refused(&[], &[&passed, "a filter in lvm.conf rejects it", "lvmconfig devices/filter"]);
}

/// Group and copy bear one name and one UUID each; only the disks tell.
#[test]
fn a_copy_with_other_uuids_beside_its_source() {
    needs_root!();
    let mut lab = Lab::with_group();
    let copy = lab.path("copy");
    fs::copy(lab.path("disk0"), &copy).unwrap();
    lab.attach(&copy, &[]);
    let disk = lab.disks[1].to_str().unwrap().to_owned();
    let first = lab.uuid();
    lab.lvm(&["vgimportclone", "-qq", "--basevgname", &lab.new, &disk]);
    // vgimportclone has given it a name and UUIDs of its own: only that name is taken now.
    lab.refused(&[], &["already has the name `"]);
    let other = format!("{}x", lab.new);
    let run = lab.rename(&[&lab.old, &other, "--vg-uuid", &first]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(lab.names().contains(&lab.new) && lab.names().contains(&other), "{}", lab.names());
}
