//! The proof of the next boot: what it says of every fixture, and that a row which fails takes a
//! run back.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::golden::cases;
use crate::harness::{bless, needs_root, postclone};
use crate::stage::{KERNELS, Stage};

const RENAME: &[&str] = &["rename", "a-b", "c-d", "--yes"];

/// The table in a report's text; empty where the tree has nothing that a boot reads.
fn table(out: &[u8]) -> String {
    let text = String::from_utf8_lossy(out).into_owned();
    let Some(from) = text.find("# Proof of the next boot: ") else { return String::new() };
    let to = text[from..].find("# The old files are in ").map_or(text.len(), |at| from + at);
    text[from..to].to_owned()
}

#[test]
fn every_fixture_is_proved() {
    for case in cases() {
        let copy = case.copy();
        let out = case.run(copy.path(), &case.old, &case.new, &["--yes"]).demand(0).stdout;
        let table = table(&out);
        let file = case.dir.join("expected/proof.txt");
        if bless() && !table.is_empty() {
            fs::write(&file, &table).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(table, expected, "{}", case.name());
        for line in table.lines() {
            assert!(line.chars().count() <= 80 && !line.contains("FAIL"), "{line}");
        }
        if !table.contains("  kernel  ") {
            continue;
        }
        // The trees have no kernels: what nobody renamed is said to fail, and the status says so.
        let root = copy.path().to_str().unwrap();
        let status = postclone(&case.dir, &["status", "--boot", "--root", root]).demand(1);
        let status = String::from_utf8(status.stdout).unwrap();
        assert!(status.contains("  FAILS     kernel  "), "{status}");
    }
}

/// A stage that boots: kernels, a menu with two entries, a default, a separate `/boot` by UUID.
fn bootable() -> Stage {
    let stage = Stage::new();
    for kernel in KERNELS {
        stage.write(&format!("boot/vmlinuz-{kernel}"), "kernel\n");
    }
    let entry = |kernel: &str| {
        format!(
            "menuentry 'Linux {kernel}' $menuentry_id_option 'on-/dev/mapper/a--b-root-{kernel}' {{\n\
             \tlinux /vmlinuz-{kernel} root=/dev/mapper/a--b-root ro resume=UUID=S-2\n\
             \tinitrd /initrd.img-{kernel}\n}}\n"
        )
    };
    let menu =
        format!("set default=\"${{saved_entry}}\"\n{}{}", entry(KERNELS[1]), entry(KERNELS[0]));
    // The mode of the stage's own file is for root alone; it keeps it.
    stage.write("boot/grub/grub.cfg", &menu);
    stage.write("boot/grub/grubenv", &environment(KERNELS[0]));
    stage
}

fn environment(kernel: &str) -> String {
    let text = format!("# GRUB Environment Block\nsaved_entry=Linux {kernel}\n");
    format!("{text}{}", "#".repeat(1024 - text.len()))
}

const HOLDS: &str = "\
# Proof of the next boot: 17 rows hold.
# /boot/grub/grub.cfg
#   holds     default entry  1 Linux 6.1.0-1-amd64
# /boot/grub/grub.cfg: Linux 6.1.0-2-amd64
#   holds     kernel         /vmlinuz-6.1.0-2-amd64
#   holds     initrd         /initrd.img-6.1.0-2-amd64
#   holds     root=          /dev/mapper/c--d-root
#   holds     resume=        UUID=S-2
# /boot/grub/grub.cfg: Linux 6.1.0-1-amd64
#   holds     kernel         /vmlinuz-6.1.0-1-amd64
#   holds     initrd         /initrd.img-6.1.0-1-amd64
#   holds     root=          /dev/mapper/c--d-root
#   holds     resume=        UUID=S-2
# /etc/fstab
#   holds     /              /dev/mapper/c--d-root
#   holds     swap           /dev/c-d/swap_1
# /etc/systemd/system/dev-c\\x2dd-swap_1.swap
#   holds     unit name      dev-c\\x2dd-swap_1.swap
# /etc/systemd/system/dev-mapper-c\\x2d\\x2dd\\x2droot.device.d
#   holds     unit name      dev-mapper-c\\x2d\\x2dd\\x2droot.device
# /etc/systemd/system/dev-mapper-c\\x2d\\x2dd\\x2dswap_1.swap
#   holds     unit name      dev-mapper-c\\x2d\\x2dd\\x2dswap_1.swap
#   holds     What=          /dev/mapper/c--d-swap_1
# /etc/default/grub
#   holds     resume=        /dev/c-d/swap_1
# /etc/initramfs-tools/conf.d/resume
#   holds     RESUME=        /dev/mapper/c--d-swap_1
";

#[test]
fn a_run_shows_what_the_next_boot_finds() {
    needs_root!();
    let stage = bootable();
    let run = stage.run(RENAME).demand(0);
    assert_eq!(table(&run.stdout), HOLDS);
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(
        said.contains("planned again: no place that postclone rewrites names a-b any more\n"),
        "{said}"
    );
    // At any time later, and after an undo by the old name.
    let status = |stage: &Stage, args: &[&str]| {
        String::from_utf8(stage.run(&[&["status"], args].concat()).demand(0).stdout).unwrap()
    };
    assert!(status(&stage, &[]).contains("the next boot:       17 rows hold\n"));
    assert!(!status(&stage, &[]).contains("Proof of"));
    let shown = HOLDS.replace("# ", "");
    let shown = shown.replace("#   ", "  ");
    let boot = status(&stage, &["--boot"]);
    assert!(boot.ends_with(&shown), "{boot}");
    let json: serde_json::Value =
        serde_json::from_str(&status(&stage, &["--format", "json"])).unwrap();
    assert_eq!(json["proof"].as_array().unwrap().len(), 17);
    stage.run(&["undo", "--yes"]).demand(0);
    assert!(
        status(&stage, &["--boot"]).contains("  holds     root=          /dev/mapper/a--b-root\n")
    );
    // A kernel that goes away is told.
    fs::remove_file(stage.path("boot/vmlinuz-6.1.0-1-amd64")).unwrap();
    let run = stage.run(&["status", "--boot"]).demand(1);
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(said.contains("the next boot:       16 rows hold, 1 FAILS\n"), "{said}");
    stage.run(&["status"]).demand(0);
}

#[test]
fn programs_get_every_row() {
    needs_root!();
    let stage = bootable();
    let run = stage.run(&[RENAME, &["--format", "json"]].concat()).demand(0);
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let rows = report["proof"].as_array().unwrap();
    assert_eq!(rows.len(), 17);
    assert_eq!(
        rows[3],
        serde_json::json!({
            "path": "/boot/grub/grub.cfg",
            "line": 3,
            "entry": "Linux 6.1.0-2-amd64",
            "item": "root=",
            "value": "/dev/mapper/c--d-root",
            "verdict": "holds",
            "why": null,
        })
    );
}

/// What the image tool does to the system before it builds, and what the run says then.
const PLANTED: &[(&str, &str)] = &[
    (
        "mv /boot/vmlinuz-6.1.0-1-amd64 /stub/",
        "the next boot would fail: `/boot/grub/grub.cfg:7`: kernel `/vmlinuz-6.1.0-1-amd64` of \
         \"Linux 6.1.0-1-amd64\": there is no such file",
    ),
    (
        "cat /stub/other > /boot/grub/grubenv",
        "the next boot would fail: `/boot/grub/grub.cfg:1`: default entry `0 Linux 6.1.0-2-amd64`: \
         it was `1 Linux 6.1.0-1-amd64`",
    ),
    (
        "echo '/dev/c-d/nosuch /srv ext4 defaults 0 2' > /etc/fstab.d/srv.fstab",
        "the next boot would fail: `/etc/fstab.d/srv.fstab:1`: /srv `/dev/c-d/nosuch`: \
         the group c-d has no such volume",
    ),
    (
        "cat /stub/unified > /boot/EFI/Linux/x.efi",
        "the next boot would fail: `/boot/EFI/Linux/x.efi`: root= `/dev/a-b/root` of \"x\": \
         there is no group a-b",
    ),
];

fn with_planted(planted: &str) -> Stage {
    let stage = bootable();
    stage.set("other", environment(KERNELS[1]).trim_end());
    fs::write(stage.path("stub/unified"), unified_image("root=/dev/a-b/root quiet")).unwrap();
    fs::create_dir(stage.path("etc/fstab.d")).unwrap();
    fs::create_dir_all(stage.path("boot/EFI/Linux")).unwrap();
    stage.program(
        "usr/sbin/update-initramfs",
        &format!(
            "#!/bin/sh\n{planted}\ncat /stub/kill 2>/dev/null && kill -9 $PPID\n\
             /usr/bin/pack /stub/image /boot/initrd.img-$3\n"
        ),
    );
    stage
}

/// What is true of the system, without what was planted there by another.
fn own(stage: &Stage) -> Vec<crate::stage::Thing> {
    let planted = ["stub/vmlinuz-6.1.0-1-amd64", "boot/vmlinuz-6.1.0-1-amd64", "boot/grub/grubenv"];
    let planted = [&planted[..], &["etc/fstab.d/srv.fstab", "boot/EFI/Linux/x.efi"]].concat();
    let mut things = stage.system();
    things.retain(|thing| !planted.iter().any(|path| thing.path == Path::new(path)));
    things
}

#[test]
fn a_row_that_fails_takes_the_run_back() {
    needs_root!();
    for (planted, words) in PLANTED {
        let stage = with_planted(planted);
        let before = own(&stage);
        let run = stage.run(RENAME).demand(3);
        assert!(run.stderr.contains(words), "{planted}: {}", run.stderr);
        assert!(run.stderr.contains("failed, and everything was restored: "), "{}", run.stderr);
        assert_eq!(before, own(&stage), "{planted}");
        assert_eq!(stage.read("stub/vg").trim(), "a-b");
    }
}

#[test]
fn a_run_that_is_finished_later_is_proved_as_well() {
    needs_root!();
    let (planted, words) = PLANTED[0];
    for (planted, status) in [("", 0), (planted, 4)] {
        let stage = with_planted("");
        stage.set("kill", "");
        stage.run(RENAME).demand(137);
        fs::remove_file(stage.path("stub/kill")).unwrap();
        let last = with_planted(planted);
        stage.program("usr/sbin/update-initramfs", &last.read("usr/sbin/update-initramfs"));
        let run = stage.run(&["rename", "--resume"]).demand(status);
        if status == 0 {
            assert_eq!(table(&run.stdout), HOLDS);
        } else {
            assert!(run.stderr.contains(words), "{}", run.stderr);
        }
    }
}

#[test]
fn what_will_fail_by_the_plan_is_refused_before_the_first_change() {
    needs_root!();
    let stage = with_planted("");
    fs::copy(stage.path("stub/unified"), stage.path("boot/EFI/Linux/x.efi")).unwrap();
    let before = stage.system();
    let run = stage.run(RENAME).demand(1);
    let words = "the next boot would fail because of what is not rewritten: `/boot/EFI/Linux/x.efi`: root= \
                 `/dev/a-b/root` of \"x\": there is no group a-b; name the file system by UUID there, \
                 or write the new name by hand, then run the command again";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(before, stage.system());
    assert_eq!(stage.asked(), [""; 0]);
    // With the new name in it, as the message says.
    fs::write(stage.path("boot/EFI/Linux/x.efi"), unified_image("root=/dev/c-d/root")).unwrap();
    stage.run(RENAME).demand(0);
}

#[test]
fn what_no_boot_waits_for_is_only_told() {
    needs_root!();
    let stage = bootable();
    let fstab = "/dev/a-b/nosuch /x ext4 noauto 0 0\n/dev/c-d/root /y ext4 nofail 0 0\n";
    fs::create_dir(stage.path("etc/fstab.d")).unwrap();
    stage.write("etc/fstab.d/more.fstab", fstab);
    let out = stage.run(RENAME).demand(0).stdout;
    let table = table(&out);
    assert!(table.starts_with("# Proof of the next boot: 18 rows hold, 1 tolerated.\n"), "{table}");
    let rows = "#   tolerated /x             /dev/a-b/nosuch\n#     there is no group a-b\n\
                #   holds     /y             /dev/c-d/root\n";
    assert!(table.contains(rows), "{table}");
}

/// A PE program with the one section `.cmdline`, by the offsets of Microsoft's description.
fn unified_image(command_line: &str) -> Vec<u8> {
    let mut image = vec![0; 0x200];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3c, &0x40_u32.to_le_bytes());
    put(0x40, b"PE\0\0");
    put(0x46, &1_u16.to_le_bytes());
    let section = 0x40 + 24;
    put(section, b".cmdline");
    put(section + 8, &u32::try_from(command_line.len()).unwrap().to_le_bytes());
    put(section + 16, &0x200_u32.to_le_bytes());
    put(section + 20, &0x200_u32.to_le_bytes());
    image.extend_from_slice(command_line.as_bytes());
    image.resize(0x400, 0);
    image
}

/// Units are no places that are rewritten: whether one is needed decides.
#[test]
fn a_unit_counts_where_a_boot_wants_it() {
    use std::collections::{BTreeMap, BTreeSet};

    use postclone::guest::root::Root;
    use postclone::names::{LvName, VgName};
    use postclone::proof::{self, Facts, Judgement, View};
    use postclone::rewrite::matcher::Volumes;

    let dir = tempfile::tempdir().unwrap();
    let units = dir.path().join("etc/systemd/system");
    fs::create_dir_all(units.join("local-fs.target.wants")).unwrap();
    fs::create_dir_all(units.join("dev-a\\x2db-root.device.d")).unwrap();
    fs::write(units.join("srv.mount"), "[Mount]\n# What=/dev/a-b/swap\nWhat=/dev/a-b/root\n")
        .unwrap();
    fs::write(units.join("x.service"), "[Unit]\nAfter=dev-a\\x2db-root.device\n").unwrap();
    let root = Root::open(dir.path()).unwrap();
    let vg = |name| VgName::new(name).unwrap();
    let volumes = Volumes::Known(BTreeSet::from([LvName::new("root").unwrap()]));
    let facts = Facts::new(vg("new"), Some(vg("a-b")), &volumes, BTreeSet::new());
    let verdicts = || {
        let rows = proof::rows(&View::now(&root), &facts);
        rows.into_iter().map(|row| (row.item.into_owned(), row.verdict)).collect::<BTreeMap<_, _>>()
    };
    let mut expected = BTreeMap::from([
        ("unit name".to_owned(), Judgement::Tolerated),
        ("What=".to_owned(), Judgement::Tolerated),
        ("After=".to_owned(), Judgement::Tolerated),
    ]);
    assert_eq!(verdicts(), expected);
    for unit in ["srv.mount", "x.service"] {
        symlink(format!("../{unit}"), units.join("local-fs.target.wants").join(unit)).unwrap();
    }
    expected.insert("What=".to_owned(), Judgement::Fails);
    assert_eq!(verdicts(), expected);
}

#[test]
fn a_file_that_is_not_there_before_is_no_failure_of_the_run() {
    needs_root!();
    let stage = bootable();
    fs::remove_file(stage.path("boot/vmlinuz-6.1.0-1-amd64")).unwrap();
    let out = stage.run(RENAME).demand(0).stdout;
    let table = table(&out);
    assert!(table.starts_with("# Proof of the next boot: 16 rows hold, 1 as before.\n"), "{table}");
    assert!(
        table.contains(
            "#   as before kernel         /vmlinuz-6.1.0-1-amd64\n#     there is no such file\n"
        ),
        "{table}"
    );
}

/// A tree of the files given, proved for the group `new` with the volume `root`, once `a-b`.
fn proved(files: &[(&str, &str)]) -> Vec<(String, String, postclone::proof::Judgement)> {
    use std::collections::BTreeSet;

    use postclone::guest::root::Root;
    use postclone::names::{LvName, VgName};
    use postclone::proof::{self, Facts, View};
    use postclone::rewrite::matcher::Volumes;

    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("etc")).unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let root = Root::open(dir.path()).unwrap();
    let vg = |name| VgName::new(name).unwrap();
    let volumes = Volumes::Known(BTreeSet::from([LvName::new("root").unwrap()]));
    let facts = Facts::new(vg("new"), Some(vg("a-b")), &volumes, BTreeSet::new());
    let rows = proof::rows(&View::now(&root), &facts).into_iter();
    rows.map(|row| (row.item.into_owned(), row.value, row.verdict)).collect()
}

#[test]
fn a_kernel_is_looked_for_where_its_loader_looks() {
    use postclone::proof::Judgement::{Fails, Holds, Unknown};
    let grub = |kernel: &str| format!("menuentry x {{\nset root=hd0\nlinux {kernel}\n}}\n");
    for (config, text, kernel, verdict) in [
        ("boot/grub/grub.cfg", grub("/k"), "boot/k", Holds),
        ("boot/grub/grub.cfg", grub("/boot/k"), "boot/k", Holds),
        ("boot/grub/grub.cfg", grub("($root)/k"), "boot/k", Holds),
        ("boot/grub/grub.cfg", grub("(hd0,gpt2)/boot/k"), "boot/k", Holds),
        ("boot/grub/grub.cfg", grub("/k"), "boot/other", Fails),
        ("boot/grub/grub.cfg", grub("/@/boot/k"), "boot/k", Unknown),
        (
            "boot/grub/grub.cfg",
            grub("/k").replace("linux ", "multiboot /xen.gz\nmodule "),
            "boot/k",
            Holds,
        ),
        ("boot/loader/entries/x.conf", "linux /k\n".to_owned(), "boot/k", Holds),
        ("boot/efi/loader/entries/x.conf", "linux /x/k\n".to_owned(), "boot/efi/x/k", Holds),
        ("efi/loader/entries/x.conf", "efi\t/x/k\n".to_owned(), "efi/x/k", Holds),
        ("efi/loader/entries/x.conf", "linux /x/k\n".to_owned(), "boot/efi/x/k", Fails),
        ("boot/extlinux/extlinux.conf", "label x\n kernel ../k\n".to_owned(), "boot/k", Holds),
        ("boot/syslinux/syslinux.cfg", "LABEL x\n LINUX k\n".to_owned(), "boot/syslinux/k", Holds),
        ("boot/grub/menu.lst", "title x\nkernel (hd0,0)/k ro\n".to_owned(), "boot/k", Holds),
    ] {
        let rows = proved(&[(config, &text), (kernel, "")]);
        let found: Vec<_> = rows.iter().filter(|(item, _, _)| item == "kernel").collect();
        assert_eq!(found.len(), 1, "{config} {text}: {rows:?}");
        assert_eq!(found[0].2, verdict, "{config} {text}");
    }
}

#[test]
fn what_a_loader_puts_in_for_a_variable_is_judged() {
    use postclone::proof::Judgement::{Fails, Holds, Unknown};
    let entry = ("boot/loader/entries/x.conf", "linux /k\noptions $kernelopts $tuned_params\n");
    let block = "# GRUB Environment Block\nkernelopts=root=/dev/new/root ro\n####";
    let menu =
        "if [ -z \"${kernelopts}\" ]; then\n set kernelopts=\"root=/dev/a-b/root\"\nfi\nblscfg\n";
    let root = |files: &[(&str, &str)]| {
        let rows = proved(files).into_iter().filter(|(item, _, _)| item == "root=");
        rows.map(|(_, value, verdict)| (value, verdict)).collect::<Vec<_>>()
    };
    let cfg = ("boot/grub2/grub.cfg", menu);
    let new = ("/dev/new/root".to_owned(), Holds);
    assert_eq!(root(&[entry, cfg, ("boot/grub2/grubenv", block)]), std::slice::from_ref(&new));
    // Without a block the menu's own value counts.
    assert_eq!(root(&[entry, cfg]), [("/dev/a-b/root".to_owned(), Fails)]);
    // Set inside the entry, and set to two values by two branches.
    let inner = "set r=/dev/a-b/root\nmenuentry x {\nset r=/dev/new/root\nlinux /k root=$r\n}\n";
    assert_eq!(root(&[("boot/grub/grub.cfg", inner)]), [new]);
    let either = "if x; then r=/dev/a; else r=/dev/b; fi\nmenuentry x {\nlinux /k root=$r\n}\n";
    assert_eq!(root(&[("boot/grub/grub.cfg", either)]), [("$r".to_owned(), Unknown)]);
}

#[test]
fn every_loader_has_a_default() {
    let default = |files: &[(&str, &str)]| {
        let rows = proved(files).into_iter().filter(|(item, _, _)| item == "default entry");
        rows.map(|(_, value, _)| value).collect::<Vec<_>>()
    };
    let bls = [
        ("efi/loader/entries/x-5.9.conf", "title Old\nlinux /k\n"),
        ("efi/loader/entries/x-5.10.conf", "title New\nlinux /k\n"),
    ];
    for (pattern, wanted) in [("x-5.9.conf", "1 Old"), ("x-*", "0 New"), ("nosuch*", "nosuch*")] {
        let loader = format!("timeout 3\ndefault {pattern}\n");
        assert_eq!(default(&[bls[0], bls[1], ("efi/loader/loader.conf", &loader)]), [wanted]);
    }
    let labels = "DEFAULT b\nLABEL a\n KERNEL /k\nlabel b\n menu label The ^B\n kernel /k\n";
    assert_eq!(default(&[("boot/extlinux/extlinux.conf", labels)]), ["1 The B"]);
    let titles = "default 1\ntitle a\nkernel /k\ntitle b\nkernel /k\n";
    assert_eq!(default(&[("boot/grub/menu.lst", titles)]), ["1 b"]);
    let blscfg = [
        ("boot/loader/entries/id-5.9.conf", "title Old\nlinux /k\n"),
        ("boot/loader/entries/id-5.10.conf", "title New\nlinux /k\n"),
        ("boot/grub2/grub.cfg", "set default=\"${saved_entry}\"\nblscfg\n"),
        ("boot/grub2/grubenv", "# GRUB Environment Block\nsaved_entry=id-5.9\n##"),
    ];
    assert_eq!(default(&blscfg), ["1 Old"]);
}
