//! Whole runs with names at the edge of what LVM takes, as the old name and as the new one, on a stage
//! with images, units and a bridge: forward, again, and back to the byte.

use crate::harness::needs_root;
use postclone::names::{LvName, VgName, path, unit};

use crate::stage::Stage;

/// 60 characters, every other one a hyphen: the longest dm names and unit names of all.
const HYPHENS: &str = "a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r-s-t-u-v-w-x-y-z-0-1-2-3a";

/// A trailing hyphen, all legal signs, words that files are full of, digits, underscores.
const NAMES: &[&str] = &[
    "a-", "a--b-", "a.b+c", "_.x", "..y", "7", "vg", "rootvg", "system", "data", "home", "swap",
    "linux", "mapper-x", "ext4", "defaults", HYPHENS,
];

/// What of a file is the group's, in every spelling, and lines full of the same words.
fn tree(vg: &str) -> Vec<(&'static str, String)> {
    let vg = &VgName::new(vg).unwrap();
    let lv = |name: &str| LvName::new(name).unwrap();
    let (root, swap) = (path::mapper_path(vg, &lv("root")), path::device_path(vg, &lv("swap_1")));
    let by_id = path::by_id_path(vg, &lv("root"));
    let unit = unit::escape_path(&root);
    vec![
        (
            "etc/fstab",
            format!(
                "# root system data home swap vg a.b+c 7\n{root} / ext4 defaults 0 1\n\
                 {swap} none swap sw 0 0\nUUID=1 /data ext4 noauto,x-systemd.wanted-by={unit}.device 0 2\n\
                 LABEL=root /home ext4 noauto 0 0\n/root/system /srv/vg none bind 0 0\n"
            ),
        ),
        (
            "boot/grub/grub.cfg",
            format!(
                "menuentry 'Linux on root, system and data' --class linux {{\n\
                 \tlinux /vmlinuz root={root} ro system=data home quiet\n}}\n"
            ),
        ),
        ("etc/default/grub", format!("GRUB_CMDLINE_LINUX=\"resume={swap} data root\"\n")),
        ("etc/initramfs-tools/conf.d/resume", format!("RESUME={swap}\n")),
        (
            "etc/systemd/system/keep.service",
            format!(
                "[Unit]\nDescription=root system data\nAfter={unit}.device\n[Service]\nExecStart=/bin/x {by_id} /root/data\n"
            ),
        ),
    ]
}

fn swap_unit(vg: &str) -> String {
    let swap = path::mapper_path(&VgName::new(vg).unwrap(), &LvName::new("swap_1").unwrap());
    format!("etc/systemd/system/{}.swap", unit::escape_path(&swap))
}

/// With a unit that is named after the swap, unless `new` is too long for a file's name.
fn stage(old: &str, new: &str) -> Stage {
    let stage = Stage::new();
    // The units of the stage's own group are not this one's.
    for dir in ["swap.target.wants", r"dev-mapper-a\x2d\x2db\x2droot.device.d"] {
        std::fs::remove_dir_all(stage.path("etc/systemd/system").join(dir)).unwrap();
    }
    for file in [crate::stage::SWAP, crate::stage::MASK] {
        std::fs::remove_file(stage.path(file)).unwrap();
    }
    for (path, text) in tree(old) {
        stage.write(path, &text);
    }
    if [old, new].iter().all(|vg| *vg != HYPHENS) {
        stage.write(&swap_unit(old), "[Swap]\nPriority=5\n");
    }
    stage.set("vg", old);
    let dm = |lv: &str| path::mapper_path(&VgName::new(old).unwrap(), &LvName::new(lv).unwrap());
    let (root, swap) = (dm("root"), dm("swap_1"));
    stage.set("blkid", &format!("DEVNAME={root}\nUUID=R-1\n\nDEVNAME={swap}\nUUID=S-2"));
    stage
}

#[test]
fn every_name_is_taken_and_given_and_taken_back() {
    needs_root!();
    // Each is old once and new once.
    let pairs = NAMES.iter().zip(NAMES.iter().skip(1).chain(NAMES.first()));
    for (old, new) in pairs {
        let what = format!("{old} to {new}");
        let stage = stage(old, new);
        let before = stage.system();
        // A name that begins with a hyphen is none; one that ends with it needs no `--`.
        let run = stage.run(&["rename", old, new, "--yes"]);
        assert_eq!(run.status, 0, "{what}: {}", run.stderr);
        assert_eq!(stage.read("stub/vg").trim(), *new, "{what}");
        for (path, text) in tree(new) {
            assert_eq!(stage.read(path), text, "{what}");
        }
        let has_unit = [old, new].iter().all(|vg| **vg != HYPHENS);
        assert_eq!(stage.path(&swap_unit(new)).exists(), has_unit, "{what}");
        let image = stage.read("boot/initrd.img-6.1.0-2-amd64");
        assert!(image.contains(&tree(new)[0].1), "{what}");
        // On the bridge, no name of the group was left.
        let bridge = stage.read("stub/at-rename");
        assert!(
            bridge.contains("UUID=R-1 / ext4") && bridge.contains("root=UUID=R-1 ro"),
            "{what}: {bridge}"
        );
        let again = stage.run(&["rename", old, new, "--yes"]).demand(0);
        assert!(String::from_utf8(again.stdout).unwrap().contains("# Nothing to do"), "{what}");
        stage.run(&["undo", "--yes"]).demand(0);
        assert_eq!(before, stage.system(), "{what}");
    }
}

/// A unit's file name writes a hyphen in eight bytes: the longest name is refused before anything.
#[test]
fn a_name_that_no_unit_can_bear_is_refused() {
    needs_root!();
    let stage = stage("vg", "");
    let before = stage.system();
    let longer = "a-".repeat(30);
    assert_eq!(longer.len(), 60);
    let run = stage.run(&["rename", "vg", &longer, "--yes"]).demand(1);
    let words = " bytes, and a file name has at most 255: choose another name for the group; systemd writes each \
                 hyphen as four or eight bytes";
    assert!(run.stderr.contains("the new file name `"), "{}", run.stderr);
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(before, stage.system());
}

#[test]
fn a_system_without_swap() {
    needs_root!();
    let stage = Stage::new();
    for file in [crate::stage::SWAP, crate::stage::WANT, crate::stage::MASK] {
        std::fs::remove_file(stage.path(file)).unwrap();
    }
    stage.write("etc/fstab", "/dev/mapper/a--b-root / ext4 defaults 0 1\n");
    stage.write("etc/default/grub", "GRUB_CMDLINE_LINUX=\"noresume\"\n");
    stage.write("etc/initramfs-tools/conf.d/resume", "RESUME=none\n");
    let before = stage.system();
    let run = stage.run(&["rename", "a-b", "c-d", "--yes"]).demand(0);
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(!out.contains("power cut") && !out.contains("Warning"), "{out}");
    assert_eq!(stage.read("etc/initramfs-tools/conf.d/resume"), "RESUME=none\n");
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}

/// The file's offset in the volume stays; the volume's name does not.
#[test]
fn hibernation_into_a_file_of_a_volume() {
    needs_root!();
    let stage = Stage::new();
    stage.write(
        "etc/fstab",
        "/dev/mapper/a--b-root / ext4 defaults 0 1\n/swapfile none swap sw 0 0\n",
    );
    let menu = |root: &str, resume: &str| {
        format!("linux /vmlinuz root={root} ro resume={resume} resume_offset=34816\n")
    };
    stage.write("boot/grub/grub.cfg", &menu("/dev/mapper/a--b-root", "/dev/mapper/a--b-root"));
    stage.write("etc/initramfs-tools/conf.d/resume", "RESUME=/dev/mapper/a--b-root\n");
    let before = stage.system();
    let run = stage.run(&["rename", "a-b", "c-d", "--yes"]).demand(0);
    assert!(!String::from_utf8(run.stdout).unwrap().contains("power cut"));
    let new = "/dev/mapper/c--d-root";
    assert_eq!(stage.read("boot/grub/grub.cfg"), menu(new, new));
    assert!(stage.read("stub/at-rename").ends_with(&menu("UUID=R-1", "UUID=R-1")));
    stage.run(&["undo", "--yes"]).demand(0);
    assert_eq!(before, stage.system());
}
