//! `postclone rename-lv`: a volume's name and all that has it; the group and its other volumes stay.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{needs_root, postclone, project};
use crate::stage::{DROP_INS, KERNELS, SWAP, Stage, UUID};
use crate::tree;

const RENAME: &[&str] = &["rename-lv", "a-b/root", "sys-tem", "--yes"];

#[test]
fn a_volume_is_renamed_with_all_that_names_it() {
    needs_root!();
    let stage = Stage::new();
    let run = stage.run(RENAME).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains("# Logical volume a-b/root becomes a-b/sys-tem under /."), "{out}");
    assert!(out.contains("LVM calls the volume r a-b/sys-tem"), "{out}");
    let asked = stage.asked();
    let lvm = "lvm lvrename --driverloaded n --config global{wait_for_locks=0} a-b root sys-tem";
    assert!(asked.iter().any(|line| line == lvm), "{asked:?}");
    assert!(!asked.iter().any(|line| line.contains("vgrename")), "{asked:?}");
    assert_eq!(
        stage.read("etc/fstab"),
        "/dev/mapper/a--b-sys--tem / ext4 defaults 0 1\n/dev/a-b/swap_1 none swap sw 0 0\n"
    );
    assert_eq!(
        stage.read("boot/grub/grub.cfg"),
        "linux /vmlinuz root=/dev/mapper/a--b-sys--tem ro\n"
    );
    assert!(
        stage.read("stub/at-rename").contains("UUID=R-1 / ext4"),
        "the bridge names it by UUID"
    );
    assert!(stage.path(SWAP).exists(), "the swap volume's unit keeps its name");
    assert!(!stage.path(DROP_INS).exists());
    let drop_ins = DROP_INS.replace("root", r"sys\x2d\x2dtem");
    assert!(stage.path(&drop_ins).exists(), "{drop_ins}");
    let image = stage.read(&format!("boot/initrd.img-{}", KERNELS[1]));
    assert!(image.contains("/dev/mapper/a--b-sys--tem /"), "{image}");
    assert_eq!(stage.read("stub/lv").trim(), "sys-tem");
    let again = stage.run(&["rename-lv", "a-b/root", "sys-tem", "--yes"]).demand(0);
    assert!(String::from_utf8(again.stdout).unwrap().contains("# Nothing to do"));
}

#[test]
fn undo_brings_every_byte_back() {
    needs_root!();
    let stage = Stage::new();
    let before = stage.system();
    stage.run(RENAME).demand(0);
    assert_ne!(before, stage.system());
    let run = stage.run(&["undo", "--yes"]).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(out.contains("every file has its old bytes; the volume is a-b/root"), "{out}");
    assert_eq!(before, stage.system());
    assert_eq!(stage.read("stub/lv").trim(), "root");
}

#[test]
fn a_kernel_that_came_after_the_run_gets_the_old_name_too() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    let menu = stage.read("boot/grub/grub.cfg") + "linux /vmlinuz-3 root=/dev/a-b/sys-tem ro\n";
    stage.write("boot/grub/grub.cfg", &menu);
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(
        stage.read("boot/grub/grub.cfg"),
        "linux /vmlinuz root=/dev/mapper/a--b-root ro\nlinux /vmlinuz-3 root=/dev/a-b/root ro\n"
    );
    assert_eq!(stage.read("stub/lv").trim(), "root");
}

#[test]
fn failures_are_taken_back() {
    needs_root!();
    for (stub, how, words) in [
        ("vgrename", "lie", "the volume r still has the name `root`"),
        ("initramfs", "fail", "No space left on device"),
        ("initramfs", "named", "the new image still names a-b/root"),
    ] {
        let stage = Stage::new();
        stage.set(stub, how);
        let before = stage.system();
        let run = stage.run(RENAME).demand(3);
        assert!(run.stderr.contains(words), "{stub} {how}: {}", run.stderr);
        assert_eq!(before, stage.system(), "{stub} {how}");
    }
}

#[test]
fn what_cannot_be_renamed_is_refused() {
    needs_root!();
    let stage = Stage::new();
    let before = stage.system();
    for (volume, new, status, words) in [
        ("a-b/nosuch", "x", 1, "has no volume `nosuch`: it has `root`, `swap_1`"),
        (
            "a-b/root",
            "swap_1",
            1,
            "another volume of `a-b` already has the name `swap_1`: choose another name",
        ),
        ("c-d/root", "x", 1, "there is no volume group `c-d`"),
        ("a-b/root", "root", 2, "`: nothing would change; give another name"),
        ("a-b/root", "x_tmeta", 2, "_tmeta"),
        ("root", "x", 2, "give it as GROUP/OLD"),
        (
            "a-b/p_tmeta",
            "x",
            1,
            "`a-b/p_tmeta` is a hidden part of another volume, and LVM renames it with that volume: see `lvs -a ",
        ),
    ] {
        let run = stage.run(&["rename-lv", volume, new, "--yes"]).demand(status);
        assert!(run.stderr.contains(words), "{volume} {new}: {}", run.stderr);
    }
    assert_eq!(before, stage.system());
}

#[test]
fn a_volume_that_lvm_does_not_show_any_more_is_told_of() {
    needs_root!();
    let stage = Stage::new();
    let lvm = stage.read("usr/sbin/lvm");
    // While the first image is built somebody removes it.
    let gone = lvm.replace("\"lv_uuid\":\"r\"", "\"lv_uuid\":\"'$(cat /stub/uuid)'\"");
    assert_ne!(lvm, gone);
    stage.program("usr/sbin/lvm", &gone);
    stage.set("uuid", "r");
    let real = stage.path("usr/sbin/update-initramfs");
    fs::rename(real, stage.path("usr/sbin/real")).unwrap();
    let text = "#!/bin/sh\necho q > /stub/uuid\nexec /usr/sbin/real \"$@\"\n";
    stage.program("usr/sbin/update-initramfs", text);
    let run = stage.run(RENAME).demand(4);
    assert!(
        run.stderr
            .contains("LVM does not show the volume r any more: check with `lvs -o +lv_uuid`"),
        "{}",
        run.stderr
    );
}

/// Until the reboot the dm nodes have the names of before: a second rename would lose what keeps both.
#[test]
fn an_earlier_rename_waits_for_its_reboot_first() {
    needs_root!();
    let stage = Stage::new();
    let dm = "sys/block/dm-1/dm";
    fs::create_dir_all(stage.path(dm)).unwrap();
    stage.write(&format!("{dm}/uuid"), &format!("LVM-{}r\n", UUID.replace('-', "")));
    stage.write(&format!("{dm}/name"), "a--b-root\n");
    // As udev does by the rule that keeps both names.
    let links = "#!/bin/sh\n[ $1 = settle ] || exit 0\nbusybox mkdir -p /dev/a-b /dev/mapper /dev/disk/by-id\n\
                 for link in a-b/root a-b/sys-tem mapper/a--b-root mapper/a--b-sys--tem disk/by-id/dm-name-a--b-root \\\n                 disk/by-id/dm-name-a--b-sys--tem; do\n\
                 busybox ln -sf /dev/null /dev/$link\ndone\n";
    stage.program("usr/bin/udevadm", links);
    stage.run(RENAME).demand(0);
    let before = stage.system();
    for verb in
        [&["rename", "a-b", "c-d", "--yes"][..], &["rename-lv", "a-b/sys-tem", "x", "--yes"]]
    {
        let run = stage.run(verb).demand(1);
        let words = "the live device of `a-b/sys-tem` is still named `a--b-root`, because an earlier rename \
                     waits for its reboot: reboot first, or undo that rename with `postclone undo`";
        assert!(run.stderr.contains(words), "{verb:?}: {}", run.stderr);
    }
    assert_eq!(before, stage.system());
    stage.run(&["undo", "--yes"]).demand(0);
}

#[test]
fn status_and_audit_know_the_run() {
    needs_root!();
    let stage = Stage::new();
    stage.run(RENAME).demand(0);
    let status = String::from_utf8(stage.run(&["status"]).demand(0).stdout).unwrap();
    assert!(status.contains("a-b/root to a-b/sys-tem, done"), "{status}");
    fs::create_dir_all(stage.path("etc/cron.d")).unwrap();
    stage.write("etc/cron.d/x", "0 3 * * * root fsck -n /dev/a-b/root # of a-b\n");
    let audit = stage.run(&["audit"]).demand(1);
    let audit = String::from_utf8(audit.stdout).unwrap();
    assert!(audit.contains("a-b/root: 0 boot, 1 error, 0 cosmetic"), "{audit}");
    let json = stage.run(&["rename-lv", "a-b/sys-tem", "x", "--dry-run", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_slice(&json.demand(0).stdout).unwrap();
    assert_eq!(
        (&plan["kind"], &plan["old"], &plan["new"]),
        (&"logical volume".into(), &"a-b/sys-tem".into(), &"a-b/x".into())
    );
    let step =
        plan["steps"].as_array().unwrap().iter().find(|step| step["step"] == "rename-volume");
    assert_eq!(step.unwrap()["group_uuid"], UUID);
}

/// In every fixture with a report of LVM's, each volume there and back: the same bytes; and meanwhile
/// nothing of another volume or of the group has changed.
#[test]
fn there_and_back_in_every_fixture() {
    let mut renamed = 0;
    for fixture in fs::read_dir(project().join("fixtures")).unwrap() {
        let fixture = fixture.unwrap().path();
        let report = fixture.join("lvm.json");
        if !report.exists() {
            continue;
        }
        let args = fs::read_to_string(fixture.join("args")).unwrap();
        let group = args.lines().next().unwrap();
        let inventory = postclone::guest::inventory::Inventory::parse(&fs::read(&report).unwrap());
        let groups = inventory.unwrap().groups;
        let Some(group) = groups.iter().find(|own| own.name.as_str() == group) else { continue };
        for volume in group.volumes.iter().filter(|volume| !volume.hidden) {
            renamed += there_and_back(&fixture, &report, group.name.as_str(), volume.name.as_str());
        }
    }
    assert!(renamed > 50, "{renamed} files were rewritten");
}

/// How many files had the volume's name.
fn there_and_back(fixture: &Path, report: &Path, group: &str, volume: &str) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    tree::copy(&fixture.join("root"), &root);
    let before = tree::contents(&root);
    let named = format!("{group}/{volume}");
    let run = |volume: &str, new: &str, report: &Path| {
        let (root, report) = (root.to_str().unwrap(), report.to_str().unwrap());
        let options = ["--root", root, "--lvm-report", report, "--files-only", "--accept-stale"];
        let run =
            postclone(dir.path(), &[&["rename-lv", volume, new, "--yes"], &options[..]].concat());
        assert_eq!(run.status, 0, "{named} of {}: {}", fixture.display(), run.stderr);
        String::from_utf8_lossy(&run.stdout).into_owned()
    };
    run(&named, "zq-new", report);
    let between = tree::contents(&root);
    let changed = |(path, content): &(&PathBuf, &tree::Content)| {
        !path.starts_with("var/lib/postclone") && between.get(*path) != Some(content)
    };
    let files = before.iter().filter(changed).count();
    assert!(run(&named, "zq-new", report).contains("# Nothing to"), "{named}");
    if files == 0 {
        return 0;
    }
    let undo = postclone(dir.path(), &["undo", "--yes", "--root", root.to_str().unwrap()]);
    assert_eq!(undo.status, 0, "{named} of {}: {}", fixture.display(), undo.stderr);
    fs::remove_dir_all(root.join("var/lib/postclone")).unwrap();
    let mut after = tree::contents(&root);
    after.retain(|path, _| before.contains_key(path));
    assert_eq!(before, after, "{named} of {}", fixture.display());
    files
}
