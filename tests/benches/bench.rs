//! `cargo bench`: a dry run as a whole process, beside the sed of the procedure by hand, in one run.
//!
//! Prints medians and ratios; asserts nothing.

#![allow(clippy::disallowed_methods)]
#![allow(clippy::print_stdout, clippy::cast_precision_loss)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{UsageWho, getrusage};

const RUNS: usize = 41;

fn main() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let (case, bytes) = largest(&fixtures);
    let args = fs::read_to_string(case.join("args")).unwrap();
    let names: Vec<&str> = args.split_whitespace().collect();
    let mut dry_run = postclone(&names, &case.join("root"));
    let report = case.join("lvm.json");
    if report.exists() {
        dry_run.arg("--lvm-report").arg(report);
    }
    let time = median(RUNS, &mut dry_run);
    println!(
        "dry run over {} ({} KiB, the largest fixture): {:.1} ms, at most {} KiB of memory",
        case.file_name().unwrap().to_string_lossy(),
        bytes >> 10,
        milliseconds(time),
        peak()
    );
    println!(
        "start alone (--version): {:.1} ms",
        milliseconds(median(RUNS, Command::new(binary()).arg("--version")))
    );
    println!(
        "\n| grub.cfg | postclone, dry run | sed, three substitutions | ratio | peak memory |"
    );
    println!("|---|---|---|---|---|");
    for mebibytes in [1, 10, 100] {
        large(&fixtures, mebibytes);
    }
    println!("\n| volumes, and lines of fstab | dry run | each |");
    println!("|---|---|---|");
    for volumes in [200, 2000, 20_000] {
        many(volumes);
    }
    println!("\n| beside LVM | dry run | LVM's report alone | ratio |\n|---|---|---|---|");
    if nix::unistd::geteuid().is_root() {
        beside_lvm(&fixtures);
    } else {
        println!("| left out: it needs root | | | |");
    }
}

/// A whole dry run, for which LVM and blkid are asked, beside the same question to LVM alone: a group on a
/// loop device, not active, in a mount namespace in which LVM sees that device alone.
fn beside_lvm(fixtures: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let disk = LoopDevice::of(&dir.path().join("disk"));
    let lvm = dir.path().join("lvm");
    fs::create_dir(&lvm).unwrap();
    let conf = format!(
        "devices {{ use_devicesfile=0 filter=[ \"a|^{}$|\", \"r|.*|\" ] }}\nglobal {{ activation=0 }}\n",
        disk.0
    );
    fs::write(lvm.join("lvm.conf"), conf).unwrap();
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    mount(Some(&lvm), "/etc/lvm", none, MsFlags::MS_BIND, none).unwrap();
    succeed("vgcreate", &["-qq", "svlmon2-vg", &disk.0]);
    for volume in ["root", "swap_1", "home"] {
        succeed("lvcreate", &["-qq", "-l1", "-n", volume, "-Zn", "-Wn", "svlmon2-vg"]);
    }
    let mut ours = Command::new(binary());
    ours.args(["rename", "--dry-run", "svlmon2-vg", "svlinuxtest-vg", "--root"]);
    ours.arg(fixtures.join("debian-12-guided/root"));
    let mut report = Command::new("lvm");
    report.args(REPORT.split_whitespace());
    let (ours, report) = (median(RUNS, &mut ours), median(RUNS, &mut report));
    println!(
        "| three volumes | {:.1} ms | {:.1} ms | {:.2} |",
        milliseconds(ours),
        milliseconds(report),
        ours.as_secs_f64() / report.as_secs_f64()
    );
    let mut flips: Vec<u32> = (0..11).map(|_| flip(fixtures)).collect();
    flips.sort_unstable();
    println!("\nfrom LVM's rename until the last file was on disk: {} ms", flips[flips.len() / 2]);
}

/// A rename, of which `-v` says how long the group had the new name and the files the old one, and its undo.
fn flip(fixtures: &Path) -> u32 {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    let tree = fixtures.join("debian-12-guided/root");
    assert!(Command::new("cp").arg("-a").arg(tree).arg(&root).status().unwrap().success());
    // Of a file system of /boot a rename wants to see the mount.
    let fstab = fs::read_to_string(root.join("etc/fstab")).unwrap();
    let lines = fstab.split_inclusive('\n').filter(|line| !line.contains(" /boot "));
    fs::write(root.join("etc/fstab"), lines.collect::<String>()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        let output = command.args(arguments).arg("--root").arg(&root).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    };
    let said = run(&["rename", "-v", "--yes", "--no-initramfs", "svlmon2-vg", "svlinuxtest-vg"]);
    run(&["undo", "--yes"]);
    let (before, _) = said.split_once(" ms from LVM's rename").expect("-v tells of it");
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

/// What `src/lvm.rs` asks for.
const REPORT: &str = "fullreport --all --reportformat json --units b --nosuffix --foreign --shared \
    --configreport vg -o vg_name,vg_uuid,vg_attr,vg_systemid,vg_mda_free \
    --configreport lv -o lv_name,lv_uuid,lv_attr,lv_host \
    --configreport pv -o pv_uuid,pv_name --configreport pvseg -o pvseg_start --configreport seg -o segtype \
    --config global{wait_for_locks=0}";

/// A loop device on a file, parted from it when it is dropped.
struct LoopDevice(String);

impl LoopDevice {
    fn of(file: &Path) -> Self {
        fs::File::create(file).unwrap().set_len(64 << 20).unwrap();
        let shown = Command::new("losetup").args(["--find", "--show"]).arg(file).output().unwrap();
        assert!(shown.status.success(), "a loop device is needed: {shown:?}");
        Self(String::from_utf8(shown.stdout).unwrap().trim().to_owned())
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["-d", &self.0]).status();
    }
}

fn succeed(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
}

/// A group of so many volumes, each with its line in fstab.
fn many(volumes: usize) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("root/etc")).unwrap();
    let names: Vec<String> = (0..volumes).map(|number| format!("data-{number:05}")).collect();
    let lines = names.iter().map(|name| {
        format!("/dev/mapper/svlmon2--vg-{} /srv/{name} ext4 noauto 0 2\n", name.replace('-', "--"))
    });
    fs::write(dir.path().join("root/etc/fstab"), lines.collect::<String>()).unwrap();
    let rows: Vec<String> = names
        .iter()
        .map(|name| {
            format!(r#"{{"lv_name":"{name}","lv_uuid":"{name}-uuid","lv_attr":"-wi-ao----"}}"#)
        })
        .collect();
    let report = dir.path().join("lvm.json");
    let group = r#"{"vg_name":"svlmon2-vg","vg_uuid":"x","vg_attr":"wz--n-"}"#;
    let text = format!(r#"{{"report":[{{"vg":[{group}],"lv":[{}]}}]}}"#, rows.join(","));
    fs::write(&report, text).unwrap();
    let mut command = postclone(&["svlmon2-vg", "svlinuxtest-vg"], &dir.path().join("root"));
    let time = milliseconds(median(11, command.arg("--lvm-report").arg(&report)));
    println!("| {volumes} | {time:.1} ms | {:.1} us |", time * 1000.0 / volumes as f64);
}

/// One tree whose grub.cfg is as large as asked, made of a real one over and over.
fn large(fixtures: &Path, mebibytes: usize) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    fs::create_dir_all(dir.path().join("boot/grub")).unwrap();
    let one = fs::read(fixtures.join("debian-12-guided/root/boot/grub/grub.cfg")).unwrap();
    let target = dir.path().join("boot/grub/grub.cfg");
    fs::write(&target, one.repeat((mebibytes << 20) / one.len() + 1)).unwrap();
    let runs = if mebibytes > 10 { 5 } else { 11 };
    let ours = median(runs, &mut postclone(&["svlmon2-vg", "svlinuxtest-vg"], dir.path()));
    let memory = peak();
    let mut sed = Command::new("sed");
    sed.args(["-e", "s/svlmon2--vg/svlinuxtest--vg/g", "-e", "s/svlmon2-vg/svlinuxtest-vg/g"]);
    sed.args(["-e", r"s/svlmon2\\x2d\\x2dvg/svlinuxtest\\x2d\\x2dvg/g"]).arg(&target);
    let sed = median(runs, &mut sed);
    println!(
        "| {mebibytes} MiB | {:.0} ms | {:.0} ms | {:.2} | {} MiB |",
        milliseconds(ours),
        milliseconds(sed),
        ours.as_secs_f64() / sed.as_secs_f64(),
        memory >> 10
    );
}

fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_postclone")
}

fn postclone(names: &[&str], root: &Path) -> Command {
    let mut command = Command::new(binary());
    command.arg("rename").args(names).args(["--files-only", "--dry-run", "--root"]).arg(root);
    command
}

fn largest(fixtures: &Path) -> (PathBuf, u64) {
    let cases = fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path());
    let cases = cases.filter(|case| case.join("args").exists());
    cases
        .map(|case| (case.clone(), size(&case.join("root"))))
        .max_by_key(|(_, size)| *size)
        .unwrap()
}

fn size(path: &Path) -> u64 {
    let metadata = fs::symlink_metadata(path).unwrap();
    if !metadata.is_dir() {
        return metadata.len();
    }
    fs::read_dir(path).unwrap().map(|entry| size(&entry.unwrap().path())).sum()
}

fn median(runs: usize, command: &mut Command) -> Duration {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            assert!(command.status().unwrap().success());
            start.elapsed()
        })
        .collect();
    times.sort();
    times[runs / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The largest memory of any child so far, in KiB.
fn peak() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss()
}
