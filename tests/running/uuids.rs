//! `postclone fixup --with fs-uuids,swap-uuids`: UUIDs of file systems and swap areas that are in use.

use std::fs;
use std::process::Command;

use crate::fixup::stage as clone;
use crate::harness::needs_root;
use crate::rename_host::on;
use crate::stage::Stage;

const ROOT: &str = "11111111-1111-4111-8111-111111111111";
const BOOT: &str = "22222222-2222-4222-8222-222222222222";
const SWAP: &str = "33333333-3333-4333-8333-333333333333";
const OTHER: &str = "44444444-4444-4444-8444-444444444444";

/// blkid, tune2fs and the like on a list of devices: `DEVICE UUID TYPE PARTUUID`.
const BLKID: &str = r#"#!/bin/sh
if [ "$1" = -p ]; then
	for device; do :; done
	[ ! -e /stub/probed ] || { cat /stub/probed; exit; }
	busybox awk -v device="$device" '$1 == device { print $2 }' /stub/devices
	exit
fi
busybox awk '{ printf "DEVNAME=%s\nUUID=%s\nTYPE=%s\n", $1, $2, $3; if ($4) printf "PARTUUID=%s\n", $4; print "" }' /stub/devices | busybox grep -v '^DEVNAME=/dev/dm-' | busybox awk 'BEGIN { RS = ""; ORS = "\n\n" } /DEVNAME/'
"#;

const TUNE2FS: &str = r#"#!/bin/sh
echo "tune2fs $*" >> /stub/log
for device; do :; done
kept=/stub/features
[ "$device" != /dev/vda1 ] || kept=/stub/features-boot
features=$(cat $kept)
case $1 in
-l) echo "Filesystem features:      $features" ;;
-O)
	case $2 in
	^*) echo "$features" | sed "s/ ${2#^}//" > $kept ;;
	*) echo "$features $2" > $kept ;;
	esac
	;;
-U)
	[ "$(cat /stub/tune2fs)" = ok ] || { echo "tune2fs: a failure" >&2; exit 1; }
	name=$(busybox awk -v device="$3" '$1 == device { print $3 $4 $5 }' /stub/devices)
	busybox awk -v name="$name" -v uuid="$2" '{ if ($3 $4 $5 == name) $2 = uuid; print }' /stub/devices > /stub/devices.new
	mv /stub/devices.new /stub/devices
	;;
esac
"#;

const SWAPLABEL: &str = r#"#!/bin/sh
echo "swaplabel $*" >> /stub/log
busybox awk -v uuid="$2" '{ if ($3 == "swap") $2 = uuid; print }' /stub/devices > /stub/devices.new
mv /stub/devices.new /stub/devices
"#;

/// udev makes the links of what blkid would say, and those of the volumes under both names.
const UDEVADM: &str = r#"#!/bin/sh
echo "udevadm $*" >> /stub/log
while read -r device uuid rest; do busybox ln -sf "$device" "/dev/disk/by-uuid/$uuid"; done < /stub/devices
for number in 0 1; do
	volume=$(cat /sys/block/dm-$number/dm/name)
	volume=${volume#a--b-}
	for name in a--b:a-b web01:web01; do
		mkdir -p "/dev/${name#*:}" /dev/disk/by-id
		for link in "mapper/${name%:*}-$volume" "${name#*:}/$volume" "disk/by-id/dm-name-${name%:*}-$volume"; do
			[ -b "/dev/$link" ] || busybox ln -sf "/dev/dm-$number" "/dev/$link"
		done
	done
done
"#;

/// Root and swap on volumes that fstab names by UUID, /boot on a partition.
pub fn stage() -> Stage {
    let stage = clone();
    for dir in [
        "dev/disk/by-uuid",
        "dev/mapper",
        "proc/thread-self",
        "sys/block/dm-0/dm",
        "sys/block/dm-1/dm",
        "sys/dev/block/254:0/dm",
        "sys/dev/block/254:1/dm",
        "sys/dev/block/8:1",
    ] {
        fs::create_dir_all(stage.path(dir)).unwrap();
    }
    for (name, number, minor) in [
        ("dm-0", "254", "0"),
        ("dm-1", "254", "1"),
        ("vda1", "8", "1"),
        ("mapper/a--b-root", "254", "0"),
    ] {
        let node = stage.path(&format!("dev/{name}"));
        let made = Command::new("mknod").arg(node).args(["b", number, minor]).status();
        assert!(made.unwrap().success(), "{name}");
    }
    for (dm, volume, id) in [("0", "root", "r"), ("1", "swap_1", "s")] {
        for dir in [format!("sys/block/dm-{dm}/dm"), format!("sys/dev/block/254:{dm}/dm")] {
            stage.write(&format!("{dir}/name"), &format!("a--b-{volume}\n"));
            stage.write(
                &format!("{dir}/uuid"),
                &format!("LVM-{}{id}\n", crate::stage::UUID.replace('-', "")),
            );
        }
    }
    stage.write("sys/dev/block/8:1/uevent", "MAJOR=8\nMINOR=1\nDEVNAME=vda1\n");
    stage.write(
        "proc/thread-self/mountinfo",
        "20 1 254:0 / / rw - ext4 /dev/mapper/a--b-root rw\n21 20 8:1 / /boot rw - ext2 /dev/vda1 rw\n",
    );
    stage.write("proc/swaps", "Filename Type Size Used Priority\n/dev/dm-1 partition 1000 0 -2\n");
    stage.write("proc/meminfo", "MemAvailable: 100000 kB\n");
    stage.write(
        "etc/fstab",
        &format!(
            "# / was UUID={ROOT}\nUUID={ROOT} / ext4 defaults 0 1\nUUID={BOOT} /boot ext2 defaults 0 2\n\
             UUID={SWAP} none swap sw 0 0\n"
        ),
    );
    stage.write(
        "boot/grub/grub.cfg",
        &format!(
            "search --no-floppy --fs-uuid --set=root {BOOT}\nlinux /vmlinuz root=/dev/mapper/a--b-root ro\n"
        ),
    );
    stage.write("etc/initramfs-tools/conf.d/resume", &format!("RESUME=UUID={SWAP}\n"));
    stage.write(
        "stub/devices",
        &format!(
            "/dev/mapper/a--b-root {ROOT} ext4\n/dev/dm-0 {ROOT} ext4\n/dev/mapper/a--b-swap_1 {SWAP} swap\n\
             /dev/dm-1 {SWAP} swap\n/dev/vda1 {BOOT} ext2 beef-01\n"
        ),
    );
    stage.set("features", "has_journal extent metadata_csum");
    stage.set("features-boot", "ext_attr resize_inode");
    stage.set("tune2fs", "ok");
    stage.program("usr/sbin/blkid", BLKID);
    stage.program("usr/sbin/tune2fs", TUNE2FS);
    stage.program("usr/sbin/swaplabel", SWAPLABEL);
    stage.program("usr/bin/udevadm", UDEVADM);
    for (program, from, to) in
        [("swapoff", "/dev/dm-1 part", "#off part"), ("swapon", "#off part", "/dev/dm-1 part")]
    {
        let text = format!(
            "#!/bin/sh\necho \"{program} $*\" >> /stub/log\nsed -i 's|{from}|{to}|' /proc/swaps\n"
        );
        stage.program(&format!("usr/sbin/{program}"), &text);
    }
    stage
}

const FIXUP: &[&str] = &[
    "fixup",
    "--name",
    "web01",
    "--with",
    "fs-uuids,swap-uuids",
    "--except",
    "random-seeds",
    "--yes",
];

/// The UUID that a device has.
fn uuid(stage: &Stage, device: &str) -> String {
    let text = stage.read("stub/devices");
    let line = text.lines().find(|line| line.split(' ').next() == Some(device)).unwrap();
    line.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn every_uuid_in_use_is_another_one() {
    needs_root!();
    let stage = stage();
    let run = on(&stage, FIXUP).demand(0);
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &run.stderr;
    let (root, boot, swap) =
        (uuid(&stage, "/dev/dm-0"), uuid(&stage, "/dev/vda1"), uuid(&stage, "/dev/dm-1"));
    for (old, new) in [(ROOT, &root), (BOOT, &boot), (SWAP, &swap)] {
        assert_ne!(old, new, "{said}");
        assert!(said.contains(&format!("has the UUID {new}")), "{said}");
    }
    assert_eq!(
        stage.read("etc/fstab"),
        format!(
            "# / was UUID={ROOT}\n/dev/mapper/web01-root / ext4 defaults 0 1\nUUID={boot} /boot ext2 defaults 0 2\n\
             /dev/mapper/web01-swap_1 none swap sw 0 0\n"
        )
    );
    assert_eq!(
        stage.read("boot/grub/grub.cfg"),
        format!(
            "search --no-floppy --fs-uuid --set=root {boot}\nlinux /vmlinuz root=/dev/mapper/web01-root ro\n"
        )
    );
    assert_eq!(
        stage.read("etc/initramfs-tools/conf.d/resume"),
        "RESUME=/dev/mapper/web01-swap_1\n"
    );
    // While the group was renamed, everything was named by what did not change.
    let at_rename = stage.read("stub/at-rename");
    for words in [
        format!("UUID={ROOT} / ext4"),
        "PARTUUID=beef-01 /boot ext2".to_owned(),
        format!("--set=root {BOOT}\nsearch --no-floppy --fs-uuid --set=root {boot}\n"),
    ] {
        assert!(at_rename.contains(&words), "{words}: {at_rename}");
    }
    assert!(stage.read("stub/features").contains("metadata_csum_seed"));
    assert!(stage.read("proc/swaps").contains("/dev/dm-1 partition"), "the swap is in use again");
    let rules = stage.read("run/udev/rules.d/99-postclone-uuids.rules");
    assert!(rules.contains(&format!("==\"{boot}\", SYMLINK+=\"disk/by-uuid/{BOOT}\"")), "{rules}");
}

#[test]
fn undo_puts_every_uuid_back() {
    needs_root!();
    let stage = stage();
    let kept = |stage: &Stage| {
        ["stub/devices", "stub/features", "etc/fstab", "boot/grub/grub.cfg", "proc/swaps"]
            .map(|path| stage.read(path))
    };
    let before = kept(&stage);
    on(&stage, FIXUP).demand(0);
    assert_ne!(before, kept(&stage));
    on(&stage, &["undo", "--yes"]).demand(0);
    assert_eq!(before, kept(&stage));
}

/// What came after the run names volumes by path, as do the files that the run wrote: the way back keeps that.
#[test]
fn undo_after_a_later_kernel_puts_every_uuid_back_and_keeps_the_paths() {
    needs_root!();
    let stage = stage();
    let before = stage.read("stub/devices");
    on(&stage, FIXUP).demand(0);
    let menu = stage.read("boot/grub/grub.cfg");
    stage.write(
        "boot/grub/grub.cfg",
        &format!("linux /vmlinuz-3 root=/dev/mapper/web01-root ro\n{menu}"),
    );
    let run = on(&stage, &["undo", "--yes"]).demand(0);
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(said.contains("`/boot/grub/grub.cfg` was changed"), "{said}");
    assert_eq!(stage.read("stub/devices"), before);
    assert_eq!(stage.read("stub/vg"), "a-b\n");
    assert_eq!(
        stage.read("etc/fstab"),
        format!(
            "# / was UUID={ROOT}\n/dev/mapper/a--b-root / ext4 defaults 0 1\nUUID={BOOT} /boot ext2 defaults 0 2\n\
             /dev/mapper/a--b-swap_1 none swap sw 0 0\n"
        )
    );
    let menu = stage.read("boot/grub/grub.cfg");
    assert!(menu.starts_with("linux /vmlinuz-3 root=/dev/mapper/a--b-root ro\n"), "{menu}");
    assert!(menu.contains(&format!("--set=root {BOOT}\n")), "{menu}");
}

#[test]
fn a_failure_puts_every_uuid_back() {
    needs_root!();
    let stage = stage();
    let before = (stage.read("stub/devices"), stage.read("etc/fstab"));
    stage.set("initramfs", "fail");
    on(&stage, FIXUP).demand(3);
    assert_eq!(before, (stage.read("stub/devices"), stage.read("etc/fstab")));
    stage.set("initramfs", "ok");
    // No udev takes the links away.
    fs::remove_dir_all(stage.path("dev/web01")).unwrap();
    stage.set("tune2fs", "fail");
    on(&stage, FIXUP).demand(3);
    assert_eq!(before, (stage.read("stub/devices"), stage.read("etc/fstab")));
}

/// What could fail later refuses the run before its first change.
#[test]
fn what_cannot_be_changed_refuses_the_run() {
    needs_root!();
    let refused = |prepare: &dyn Fn(&Stage)| {
        let stage = stage();
        prepare(&stage);
        let before = stage.system();
        let run = on(&stage, FIXUP).demand(1);
        assert_eq!(before, stage.system());
        run.stderr
    };
    let said = refused(&|stage| fs::remove_file(stage.path("usr/sbin/swaplabel")).unwrap());
    let words = "`swaplabel`, which changes the UUID of swap, is not installed: install it";
    assert!(said.contains(words), "{said}");
    let said = refused(&|stage| {
        stage.write(
            "proc/swaps",
            "Filename Type Size Used Priority\n/dev/dm-1 partition 1000 900 -2\n",
        );
        stage.write("proc/meminfo", "MemAvailable: 800 kB\n");
    });
    let words = "the swap `/dev/dm-1` has 900 KiB in use, and memory has room for 800: end programs, or leave \
                 out swap-uuids";
    assert!(said.contains(words), "{said}");
}

/// The device itself is asked, at the last moment and on the way back.
#[test]
fn a_uuid_that_somebody_else_changed_is_noticed() {
    needs_root!();
    let stage = stage();
    stage.set("probed", OTHER);
    let before = stage.system();
    let run = on(&stage, FIXUP).demand(1);
    let words = format!("/ has the UUID {OTHER}, not {ROOT}: check with `blkid`");
    assert!(run.stderr.contains(&words), "{}", run.stderr);
    assert_eq!(before, stage.system());
    fs::remove_file(stage.path("stub/probed")).unwrap();
    on(&stage, FIXUP).demand(0);
    let new = uuid(&stage, "/dev/dm-0");
    stage.set("probed", OTHER);
    let run = on(&stage, &["undo", "--yes", "--force"]).demand(4);
    let words = format!(
        "/ has the UUID {OTHER} by now, which is neither {ROOT} nor {new}: correct it by hand"
    );
    assert!(run.stderr.contains(&words), "{}", run.stderr);
    fs::remove_file(stage.path("stub/probed")).unwrap();
    fs::remove_dir_all(stage.path("sys/block/dm-1")).unwrap();
    let run = on(&stage, &["undo", "--yes", "--force"]).demand(4);
    let words = " is not active: activate it with `vgchange -ay`";
    assert!(run.stderr.contains("looking for swap: the volume LVM-"), "{}", run.stderr);
    assert!(run.stderr.contains(words), "{}", run.stderr);
}

#[test]
fn a_program_that_changes_no_uuid_undoes_the_run() {
    needs_root!();
    let stage = stage();
    let kept = || ["stub/devices", "etc/fstab"].map(|path| stage.read(path));
    let before = kept();
    stage.program("usr/sbin/tune2fs", &TUNE2FS.replace("-U)", "-U) exit 0"));
    let run = on(&stage, FIXUP).demand(3);
    let first = format!("everything was restored: /boot has the UUID {BOOT}, not ");
    let then = ", after it was changed: see dmesg(1)\n";
    assert!(run.stderr.contains(&first) && run.stderr.ends_with(then), "{}", run.stderr);
    assert_eq!(before, kept());
}

/// A partition is looked for by its UUID in the partition table, and there is one of it.
#[test]
fn a_partition_that_is_gone_or_is_there_twice_stops_the_way_back() {
    needs_root!();
    for (devices, words) in [
        ("", "no partition has the PARTUUID beef-01: attach its disk"),
        (
            "/dev/vda1 X ext2 beef-01\n/dev/vdb1 Y ext2 beef-01\n",
            "`/dev/vda1` and `/dev/vdb1` both have the PARTUUID beef-01: detach the disk that does not belong to \
             this machine",
        ),
    ] {
        let stage = stage();
        on(&stage, FIXUP).demand(0);
        let text = stage.read("stub/devices");
        let others = text.lines().filter(|line| !line.contains("vda1"));
        let others = others.collect::<Vec<_>>().join("\n");
        stage.write("stub/devices", &format!("{others}\n{devices}"));
        let run = on(&stage, &["undo", "--yes", "--force"]).demand(4);
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
}

#[test]
fn what_keeps_its_uuid_is_named_with_the_reason() {
    needs_root!();
    let said = |stage: &Stage| {
        let run = on(stage, &["fixup", "--only", "fs-uuids", "--dry-run"]).demand(0);
        String::from_utf8_lossy(&run.stdout).into_owned()
    };
    let stage = stage();
    stage.set("features", "extent stable_inodes");
    stage.set("features-boot", "extent metadata_csum");
    assert!(said(&stage).contains(
        "/boot keeps its UUID: a mounted ext4 file system needs the feature metadata_csum_seed"
    ));
    assert!(said(&stage).contains("/ keeps its UUID: its feature stable_inodes forbids another"));
    stage.set("features", "extent");
    // The template's disk beside it.
    let text = stage.read("stub/devices");
    stage.write("stub/devices", &format!("{text}/dev/vdb1 {BOOT} ext2 beef-02\n"));
    let words = "/boot keeps its UUID: `/dev/vda1` and `/dev/vdb1` have the same";
    assert!(said(&stage).contains(words), "{}", said(&stage));
    stage.write("stub/devices", &text);
    fs::create_dir_all(stage.path("boot/grub/i386-pc")).unwrap();
    stage.write("boot/grub/i386-pc/load.cfg", &format!("search.fs_uuid {BOOT} root\n"));
    let words =
        "/boot keeps its UUID: `/boot/grub/i386-pc/load.cfg` contains it and is not rewritten";
    assert!(said(&stage).contains(words), "{}", said(&stage));
    stage.write("proc/thread-self/mountinfo", "20 1 254:0 / / rw - xfs /dev/mapper/a--b-root rw\n");
    assert!(said(&stage).contains("/ (xfs) keeps its UUID"), "{}", said(&stage));
}

/// Whether the next boot finds what fstab and GRUB name, whatever was cut.
#[cfg(feature = "failpoints")]
pub fn finds_all(stage: &Stage) -> Result<(), String> {
    let devices = stage.read("stub/devices");
    let has = |uuid: &str| devices.lines().any(|line| line.split(' ').nth(1) == Some(uuid));
    let group = stage.read("stub/vg").trim().replace('-', "--");
    for line in stage.read("etc/fstab").lines().filter(|line| !line.starts_with('#')) {
        let source = line.split(' ').next().unwrap();
        let is_there = match source.strip_prefix("UUID=") {
            Some(uuid) => has(uuid),
            None => {
                source.starts_with("PARTUUID=beef-0")
                    || source.starts_with(&format!("/dev/mapper/{group}-"))
            }
        };
        if !is_there {
            return Err(line.to_owned());
        }
    }
    let menu = stage.read("boot/grub/grub.cfg");
    let mut searches = menu.lines().filter_map(|line| line.split("--set=root ").nth(1));
    if !searches.any(has) {
        return Err(menu);
    }
    let root = menu.split("root=").last().and_then(|rest| rest.split(' ').next()).unwrap();
    match root.strip_prefix("UUID=") {
        Some(uuid) if has(uuid) => Ok(()),
        None if root.starts_with(&format!("/dev/mapper/{group}-")) => Ok(()),
        _ => Err(menu.clone()),
    }
}

/// Fails, and kills, a run at each of its points: the next boot finds all, and what goes back goes back whole.
#[cfg(feature = "failpoints")]
#[test]
fn every_failure_and_kill_leaves_uuids_that_a_boot_finds() {
    use crate::rename_host::on_with;
    needs_root!();
    let fixup = [FIXUP, &["-q"]].concat();
    let kept = |stage: &Stage| {
        ["stub/devices", "stub/features", "stub/vg", "etc/fstab", "boot/grub/grub.cfg"]
            .map(|path| stage.read(path))
    };
    let first = stage();
    on_with(&first, &fixup, &[("POSTCLONE_FAILPOINT_LOG", "/stub/points")]).demand(0);
    let points: Vec<String> = first.read("stub/points").lines().map(str::to_owned).collect();
    assert!(points.iter().any(|name| name == "uuid"), "{points:?}");
    for (number, name) in points.iter().enumerate() {
        // Those of the UUIDs are few.
        if name != "uuid" && !crate::faults::is_taken(number) {
            continue;
        }
        for how in ["fail", "kill"] {
            let stage = stage();
            let before = kept(&stage);
            let point = format!("{}:{how}", number + 1);
            let at = format!("{point} ({name})");
            let run = on_with(&stage, &fixup, &[("POSTCLONE_FAILPOINT", &point)]);
            assert_eq!(finds_all(&stage), Ok(()), "{at}");
            match (how, run.status) {
                (_, 0) => {}
                ("fail", 1 | 3) => assert_eq!(before, kept(&stage), "{at}: {}", run.stderr),
                ("kill", 137) => {
                    let run = on(&stage, &["undo", "--yes"]);
                    assert!([0, 1].contains(&run.status), "{at}: {}", run.stderr);
                    assert_eq!(before, kept(&stage), "{at}: {}", run.stderr);
                }
                (_, status) => panic!("{at}: status {status}: {}", run.stderr),
            }
        }
    }
}
