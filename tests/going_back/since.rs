//! Undo when something came after the run, on a stage: a kernel, an edit, somebody else at work.

use std::fs;
use std::path::Path;
use std::process::Command;

use postclone::guest::root::Root;
use postclone::transaction::journal::Journal;

use crate::golden::cases;
use crate::harness::{needs_root, postclone};
use crate::images::archive;
use crate::stage::{KERNELS, Stage};

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];
const UNDO: &[&str] = &["undo", "--yes"];

/// What update-grub writes once the machine has its new name.
const ENTRY: &str = "linux /vmlinuz-3 root=/dev/mapper/c--d-root ro\n";

/// A guest that was renamed, and has got a kernel since.
fn updated() -> Stage {
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    fs::create_dir_all(stage.path("lib/modules/6.1.0-3-amd64")).unwrap();
    let image = archive(&[("init", b"#!/bin/sh\n"), ("resume", b"RESUME=/dev/c-d/swap_1\n")]);
    fs::write(stage.path("boot/initrd.img-6.1.0-3-amd64"), image).unwrap();
    let menu = ENTRY.to_owned() + &stage.read("boot/grub/grub.cfg");
    stage.write("boot/grub/grub.cfg", &menu);
    stage
}

#[test]
fn a_kernel_that_came_after_the_run_gets_the_old_name_too() {
    needs_root!();
    let stage = updated();
    let run = stage.run(UNDO).demand(0);
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(said.contains("`/boot/grub/grub.cfg` was changed"), "{said}");
    assert!(said.contains("`/boot/initrd.img-6.1.0-3-amd64` was made"), "{said}");
    assert_eq!(stage.read("stub/vg").trim(), "a-b");
    let menu = stage.read("boot/grub/grub.cfg");
    assert!(menu.starts_with("linux /vmlinuz-3 root=/dev/mapper/a--b-root ro\n"), "{menu}");
    assert!(!menu.contains("c--d"), "{menu}");
    let built = stage.asked();
    assert!(built.iter().any(|line| line == "update-initramfs -u -k 6.1.0-3-amd64"), "{built:?}");
    let image = stage.read("boot/initrd.img-6.1.0-3-amd64");
    assert!(image.contains("/dev/mapper/a--b-swap_1") && !image.contains("c-d"), "{image}");

    let status = String::from_utf8(stage.run(&["status"]).demand(0).stdout).unwrap();
    assert!(status.contains("last run:            a-b to c-d, undone\n"), "{status}");
    let again = String::from_utf8(stage.run(UNDO).demand(0).stdout).unwrap();
    assert!(again.contains("the run from a-b to c-d is already undone"), "{again}");
}

/// What a power cut right after the run leaves of a note whose bytes were not on the disk.
#[test]
fn an_image_whose_note_was_lost_is_still_the_runs() {
    needs_root!();
    let stage = Stage::new();
    let before = stage.system();
    stage.run(RENAME).demand(0);
    let found = Command::new("find")
        .arg(stage.path("var/lib/postclone"))
        .args(["-path", "*/left/boot/*"])
        .output();
    let found = String::from_utf8(found.unwrap().stdout).unwrap();
    assert_eq!(found.lines().count(), KERNELS.len(), "{found}");
    for note in found.lines() {
        fs::write(note, "").unwrap();
    }
    let said = String::from_utf8(stage.run(UNDO).demand(0).stdout).unwrap();
    assert!(!said.contains("was built again"), "{said}");
    assert_eq!(before, stage.system());
}

#[test]
fn what_came_after_the_run_stays_where_taking_it_back_fails() {
    needs_root!();
    let stage = updated();
    let before = stage.system();
    stage.set("initramfs", "fail");
    let run = stage.run(UNDO).demand(3);
    assert!(run.stderr.contains("everything was restored"), "{}", run.stderr);
    assert_eq!(before, stage.system());
    assert_eq!(stage.read("stub/vg").trim(), "c-d");
    // The run stands as it did, and is taken back when the tool works again.
    let status = String::from_utf8(stage.run(&["status"]).demand(0).stdout).unwrap();
    assert!(status.contains("last run:            a-b to c-d, done\n"), "{status}");
    stage.set("initramfs", "ok");
    stage.run(UNDO).demand(0);
    assert_eq!(stage.read("stub/vg").trim(), "a-b");
}

#[test]
fn taking_it_back_can_be_cut_and_is_finished_by_the_next_undo() {
    needs_root!();
    let stage = updated();
    stage.program("usr/sbin/update-initramfs", "#!/bin/sh\nkill -9 $PPID\n");
    stage.run(UNDO).demand(137);
    let status = String::from_utf8(stage.run(&["status"]).demand(0).stdout).unwrap();
    assert!(status.contains("last run:            a-b to c-d, undo interrupted\n"), "{status}");
    assert!(status.contains("Finish it with `postclone undo`"), "{status}");
    stage.install_update_initramfs();
    stage.run(UNDO).demand(0);
    assert_eq!(stage.read("stub/vg").trim(), "a-b");
    assert!(!stage.read("boot/grub/grub.cfg").contains("c--d"));
    let again = String::from_utf8(stage.run(UNDO).demand(0).stdout).unwrap();
    assert!(again.contains("already undone"), "{again}");
}

/// A package of the same kernel may have built it anew: the old image would have the old modules.
#[test]
fn an_image_that_was_made_again_is_not_replaced_by_the_old_one() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    let path = format!("boot/initrd.img-{}", KERNELS[0]);
    let image = archive(&[("init", b"#!/bin/sh\n"), ("sbin/lvm", b"a newer one")]);
    fs::write(stage.path(&path), image).unwrap();
    fs::write(stage.path("stub/image/sbin/lvm"), "a newer one").unwrap();
    let run = stage.run(UNDO).demand(0);
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(said.contains(&format!("`/{path}` was built again")), "{said}");
    assert!(stage.read(&path).contains("a newer one"));
    assert_eq!(stage.read("stub/vg").trim(), "a-b");
}

#[test]
fn an_edit_stays_and_gets_the_old_name() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    let mine = stage.read("etc/fstab") + "/dev/c-d/data /srv ext4 nofail 0 2\n# mine\n";
    stage.write("etc/fstab", &mine);
    stage.run(UNDO).demand(0);
    let now = stage.read("etc/fstab");
    assert!(now.starts_with("/dev/mapper/a--b-root / "), "{now}");
    // `data` is no volume that LVM reports: nobody knows whose it is.
    assert!(now.ends_with("/dev/c-d/data /srv ext4 nofail 0 2\n# mine\n"), "{now}");
    assert_eq!(stage.read("stub/vg").trim(), "a-b");
    // Every other file is as it was.
    assert_eq!(stage.read("boot/grub/grub.cfg"), "linux /vmlinuz root=/dev/mapper/a--b-root ro\n");
}

/// Which of the two names was there before cannot be told, and the run says so before its first change.
#[test]
fn a_file_with_both_names_is_left_to_a_person() {
    needs_root!();
    let stage = Stage::new();
    let grub = "GRUB_CMDLINE_LINUX=\"resume=/dev/a-b/swap_1\"\n# was /dev/c-d/swap_1 once\n";
    stage.write("etc/default/grub", grub);
    stage.run(RENAME).demand(0);
    let mine = stage.read("etc/fstab") + "# mine\n";
    stage.write("etc/fstab", &mine);
    let before = stage.system();
    let run = stage.run(UNDO).demand(1);
    for words in [
        "something came after the run (`/etc/fstab` was changed), and `/etc/default/grub` named c-d before it, so \
         its old text cannot be told apart from its new names: correct that by hand (its old bytes are in `",
        "/before/etc/default/grub`), or use --force",
    ] {
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
    assert_eq!(before, stage.system());
}

/// The entry that a kernel update writes for systemd-boot or GRUB with BLS.
#[test]
fn a_boot_loader_entry_that_came_after_the_run_gets_the_old_name() {
    let mut seen = 0;
    for case in cases() {
        if !["rhel-9", "kernel-install"].contains(&case.name().as_str()) {
            continue;
        }
        let copy = case.copy();
        let root = copy.path().to_str().unwrap();
        let rename =
            ["rename", &case.old, &case.new, "--files-only", "--yes", "-q", "--root", root];
        postclone(&case.dir, &rename).demand(0);
        let dir = ["boot/loader/entries", "efi/loader/entries", "boot/efi/loader/entries"]
            .map(|dir| copy.path().join(dir));
        let dir = dir.iter().find(|dir| dir.is_dir()).expect("a directory of entries");
        let entry = fs::read_dir(dir).unwrap().flatten().next().unwrap().path();
        let new = dir.join("zz-9.9.9-99.x86_64.conf");
        fs::copy(&entry, &new).unwrap();
        postclone(&case.dir, &["undo", "--yes", "--root", root]).demand(0);
        let text = fs::read_to_string(&new).unwrap();
        assert_eq!(text, fs::read_to_string(&entry).unwrap(), "{}", case.name());
        let before = case.dir.join("root").join(entry.strip_prefix(copy.path()).unwrap());
        assert_eq!(text, fs::read_to_string(before).unwrap(), "{}", case.name());
        seen += 1;
    }
    assert_eq!(seen, 2);
}

/// As update-grub does, which reads the mount table: it writes the old name, in the middle of the run.
fn meddles(stage: &Stage, text: &str) {
    stage.write("stub/meddled", text);
    stage.program(
        "usr/sbin/update-initramfs",
        "#!/bin/sh\ncp /stub/meddled /boot/grub/grub.cfg\n. /usr/sbin/update-initramfs.real\n",
    );
}

#[test]
fn a_file_that_changes_while_the_bridge_is_built_stops_the_run_before_the_group_is_renamed() {
    needs_root!();
    let stage = Stage::encrypted();
    fs::rename(
        stage.path("usr/sbin/update-initramfs"),
        stage.path("usr/sbin/update-initramfs.real"),
    )
    .unwrap();
    let menu = "linux /vmlinuz root=/dev/mapper/root_crypt ro resume=/dev/a-b/swap_1\n";
    stage.write("boot/grub/grub.cfg", menu);
    meddles(&stage, "linux /vmlinuz root=/dev/mapper/root_crypt ro quiet resume=/dev/a-b/swap_1\n");
    let fstab = stage.read("etc/fstab");
    let run = stage.run(RENAME).demand(3);
    assert!(run.stderr.contains("`/boot/grub/grub.cfg` was"), "{}", run.stderr);
    let asked = stage.asked();
    assert!(!asked.iter().any(|line| line.starts_with("lvm vgrename")), "{asked:?}");
    assert_eq!(stage.read("stub/vg").trim(), "a-b");
    assert_eq!(stage.read("etc/fstab"), fstab);
}

/// A stage without a bridge, on which grub.cfg is written in the moment in which the group is renamed.
fn meddled_at_the_rename(text: &str) -> Stage {
    let stage = Stage::new();
    stage.set("blkid", "");
    stage.write("stub/meddled", text);
    let lvm = stage.read("usr/sbin/lvm").replacen(
        "vgrename)\n",
        "vgrename)\n\t[ -e /stub/once ] || cp /stub/meddled /boot/grub/grub.cfg\n\t: >/stub/once\n",
        1,
    );
    stage.program("usr/sbin/lvm", &lvm);
    stage
}

#[test]
fn what_somebody_else_wrote_with_the_old_name_does_not_keep_the_new_one() {
    needs_root!();
    let theirs = "linux /vmlinuz root=/dev/mapper/a--b-root ro quiet\n";
    let stage = meddled_at_the_rename(theirs);
    let fstab = stage.read("etc/fstab");
    let run = stage.run(RENAME).demand(3);
    assert!(
        run.stderr.contains("`/boot/grub/grub.cfg` was written by somebody else meanwhile"),
        "{}",
        run.stderr
    );
    assert_eq!(stage.read("stub/vg").trim(), "a-b");
    assert_eq!(stage.read("etc/fstab"), fstab);
    assert_eq!(stage.read("boot/grub/grub.cfg"), theirs);
}

#[test]
fn what_somebody_else_wrote_with_the_new_name_keeps_it_and_the_files_follow() {
    needs_root!();
    let theirs = "linux /vmlinuz root=/dev/mapper/c--d-root ro quiet\n";
    let stage = meddled_at_the_rename(theirs);
    let run = stage.run(RENAME).demand(4);
    assert!(run.stderr.contains("so the group is c-d"), "{}", run.stderr);
    assert!(run.stderr.contains("; no row of the proof of the next boot fails"), "{}", run.stderr);
    assert_eq!(stage.read("stub/vg").trim(), "c-d");
    assert!(stage.read("etc/fstab").starts_with("/dev/mapper/c--d-root / "));
    assert_eq!(stage.read("boot/grub/grub.cfg"), theirs);
}

#[test]
fn what_somebody_else_wrote_with_the_new_name_and_does_not_boot_is_told_of() {
    needs_root!();
    let stage = meddled_at_the_rename(
        "linux /vmlinuz root=/dev/mapper/c--d-nosuch ro\nlinux /vmlinuz root=/dev/mapper/c--d-root ro\n",
    );
    let run = stage.run(RENAME).demand(4);
    for words in [
        "`/boot/grub/grub.cfg` was changed after postclone wrote it; compare it with `/var/lib/postclone/000001/before\
         /boot/grub/grub.cfg`, then use --force to replace it; so the group is c-d, and the files that nobody else \
         wrote have that name; do not reboot before that is fixed: the next boot would fail: ",
        "`/boot/grub/grub.cfg:1`: root= `/dev/mapper/c--d-nosuch` of \"no entry\": the group c-d has no such volume",
    ] {
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
}

/// The journal is read under the lock, and everything that needs it waits for the lock first.
#[test]
fn nothing_is_decided_while_another_postclone_is_at_work() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    let path = stage.path("var/lib/postclone/lock");
    let lock = fs::File::options().write(true).open(&path).unwrap();
    let pid = std::process::id();
    fs::write(&path, format!("{pid}\n")).unwrap();
    let lock = nix::fcntl::Flock::lock(lock, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
    // A journal that cannot be read would be told of first, if it were read first.
    let journal = Journal::latest(&Root::open(&stage.path("")).unwrap()).unwrap().unwrap();
    let journal = journal.dir().join("journal");
    let whole = fs::read(&journal).unwrap();
    fs::write(&journal, "no journal\n").unwrap();
    for verb in [UNDO, &["rename", "--resume"]] {
        let run = stage.run(verb).demand(1);
        assert!(run.stderr.contains("another postclone"), "{}", run.stderr);
    }
    fs::write(&journal, &whole).unwrap();
    let status = String::from_utf8(stage.run(&["status"]).demand(0).stdout).unwrap();
    assert!(status.contains("is running: wait until it has ended"), "{status}");
    drop(lock);
    let status = String::from_utf8(stage.run(&["status"]).demand(0).stdout).unwrap();
    assert!(!status.contains("is running"), "{status}");
}

#[test]
fn a_run_at_work_is_called_so_with_its_step() {
    needs_root!();
    let stage = Stage::new();
    stage.program(
        "usr/sbin/update-initramfs",
        "#!/bin/sh\n/usr/sbin/postclone status --format json >/stub/status\nexit 1\n",
    );
    stage.run(RENAME).demand(3);
    let status: serde_json::Value = serde_json::from_str(&stage.read("stub/status")).unwrap();
    assert_eq!(status["run"]["state"], "running");
    assert!(status["run"]["pid"].as_u64().unwrap() > 0, "{status}");
    let step = status["run"]["step"].as_str().unwrap();
    assert!(step.contains("6.1.0"), "{step}");
}

/// In an empty directory under an unmounted /boot, an image is as it was before: it is not there.
#[test]
fn undo_and_resume_ask_whether_everything_is_mounted() {
    needs_root!();
    let stage = Stage::new();
    let mounts = "proc/thread-self/mountinfo";
    fs::create_dir_all(stage.path("proc/thread-self")).unwrap();
    stage.write(mounts, "30 1 8:1 / /boot rw shared:1 - ext4 /dev/vda1 rw\n");
    let fstab = stage.read("etc/fstab") + "/dev/vda1 /boot ext4 defaults 0 2\n";
    stage.write("etc/fstab", &fstab);
    stage.run(RENAME).demand(0);
    stage.write(mounts, "");
    let before = stage.system();
    let run = stage.run(UNDO).demand(1);
    assert!(run.stderr.contains("`/boot` is in /etc/fstab and not mounted"), "{}", run.stderr);
    assert_eq!(before, stage.system());

    let cut = Stage::new();
    fs::create_dir_all(cut.path("proc/thread-self")).unwrap();
    cut.write(mounts, "30 1 8:1 / /boot rw shared:1 - ext4 /dev/vda1 rw\n");
    cut.write("etc/fstab", &fstab);
    cut.program("usr/sbin/update-initramfs", "#!/bin/sh\nkill -9 $PPID\n");
    cut.run(RENAME).demand(137);
    cut.install_update_initramfs();
    cut.write(mounts, "");
    let run = cut.run(&["rename", "--resume"]).demand(1);
    assert!(run.stderr.contains("`/boot` is in /etc/fstab and not mounted"), "{}", run.stderr);
}

/// The status says what is true of the machine, whatever became of the words.
#[test]
fn a_full_stdout_does_not_change_the_status() {
    needs_root!();
    let full = |stage: &Stage, args: &[&str]| {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = std::process::Command::new("chroot")
            .arg(stage.path(""))
            .arg("/usr/sbin/postclone")
            .args(args)
            .stdin(std::process::Stdio::null())
            .stdout(full)
            .output()
            .unwrap();
        crate::harness::run(output)
    };
    let stage = Stage::new();
    let run = full(&stage, &["rename", "a-b", "c-d", "--dry-run"]).demand(1);
    assert!(run.stderr.contains("writing to standard output"), "{}", run.stderr);
    // With JSON nothing is printed before the run is over.
    let run = full(&stage, &["rename", "a-b", "c-d", "--yes", "--format", "json"]).demand(0);
    assert!(run.stderr.contains("the run itself is complete"), "{}", run.stderr);
    assert_eq!(stage.read("stub/vg").trim(), "c-d");
    assert!(Path::new(&stage.path("etc/fstab")).exists());
    let again = stage.run(RENAME).demand(0);
    assert!(String::from_utf8(again.stdout).unwrap().contains("Nothing to do"));
}

/// A yes counts for the plan that was shown.
#[test]
fn what_changes_while_the_question_stands_is_not_carried_out() {
    use std::io::Write as _;
    needs_root!();
    let stage = Stage::new();
    let log = stage.path("stub/terminal");
    let command = format!(
        "chroot {} /usr/sbin/postclone rename a-b c-d --no-pager",
        stage.path("").display()
    );
    let mut child = std::process::Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command", &command])
        .arg(&log)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let screen =
        || fs::read(&log).map_or(String::new(), |s| String::from_utf8_lossy(&s).into_owned());
    while !screen().contains("[y/N]") {
        assert!(child.try_wait().unwrap().is_none(), "{}", screen());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let fstab = stage.read("etc/fstab") + "# mine\n";
    stage.write("etc/fstab", &fstab);
    child.stdin.take().unwrap().write_all(b"y\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{}", screen());
    let said = "`/etc/fstab` was changed since the plan was shown: nothing was changed; look at the new plan, \
                and confirm it";
    assert!(screen().contains(said), "{}", screen());
    assert_eq!(stage.read("etc/fstab"), fstab);
    assert_eq!(stage.read("stub/vg").trim(), "a-b");
}

/// GRUB stamps its block at each boot: that is no edit, and stays.
#[test]
fn what_grub_stamps_in_its_block_is_no_edit() {
    let case = cases().into_iter().find(|case| case.name() == "rhel-8").unwrap();
    let copy = case.copy();
    let root = copy.path().to_str().unwrap();
    let block = copy.path().join("boot/grub2/grubenv");
    let before = fs::read_to_string(&block).unwrap();
    let rename = ["rename", &case.old, &case.new, "--files-only", "--yes", "-q", "--root", root];
    postclone(&case.dir, &rename).demand(0);
    let stamped = |text: &str| {
        let text = text.trim_end_matches('#').to_owned() + "boot_indeterminate=7\n";
        format!("{text:#<1024}")
    };
    let now = fs::read_to_string(&block).unwrap();
    assert_ne!(now, before);
    fs::write(&block, stamped(&now)).unwrap();
    let run = postclone(&case.dir, &["undo", "--yes", "--root", root]).demand(0);
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(!said.contains("with a plan of its own"), "{said}");
    assert_eq!(fs::read_to_string(&block).unwrap(), stamped(&before));
}
