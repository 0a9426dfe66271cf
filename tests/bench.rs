//! `cargo bench`: a dry run as a whole process, beside the sed of the procedure by hand, in one run.
//!
//! Prints medians and ratios; asserts nothing.

#![allow(clippy::print_stdout, clippy::cast_precision_loss)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
