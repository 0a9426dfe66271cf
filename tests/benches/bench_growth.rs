//! `cargo bench --bench growth`: whole runs over files in which every line changes, over many files, and
//! over many volumes; beside `sed -i` over copies of the same files, in the same run.
//!
//! Prints times, CPU times, memory, and how both grow with the work; asserts nothing of them. `SMALL=1`
//! leaves the largest inputs out, and words after `--` choose kinds of work: `-- volumes`.

#![allow(clippy::disallowed_methods)]
#![allow(clippy::print_stdout, clippy::cast_precision_loss)]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// Names of which none is part of the other's, so that sed does the same work.
const OLD: &str = "svlmon2-vg";
const NEW: &str = "svlinuxtest-vg";

/// What a command took.
#[derive(Clone, Copy, Default)]
struct Cost {
    elapsed: Duration,
    /// In user mode and in the kernel: what a busy machine does not change much.
    processor: Duration,
}

/// One kind of work in several sizes.
struct Kind {
    name: &'static str,
    sizes: &'static [usize],
    make: fn(&Path, usize),
}

const KINDS: &[Kind] = &[
    Kind { name: "lines of grub.cfg", sizes: &[43_750, 175_000, 700_000], make: grub_cfg },
    Kind { name: "cron files", sizes: &[1_250, 5_000, 50_000], make: cron },
    Kind { name: "volumes, with fstab's lines", sizes: &[1_250, 5_000, 20_000], make: volumes },
];

fn main() {
    let small = std::env::var_os("SMALL").is_some();
    println!(
        "| what | work | dry run | rename | audit | undo | `sed -i` | rename : sed | CPU of rename | peak |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    // Cargo gives `--bench` as well.
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted =
        |kind: &&Kind| words.is_empty() || words.iter().any(|word| kind.name.contains(word));
    for kind in KINDS.iter().filter(is_wanted) {
        let mut before: Option<(usize, Row)> = None;
        let sizes = if small { &kind.sizes[..2] } else { kind.sizes };
        for size in sizes {
            let row = Row::take(kind, *size);
            row.print(kind.name, *size);
            if let Some((smaller, earlier)) = &before {
                row.print_growth(earlier, *size as f64 / *smaller as f64);
            }
            before = Some((*size, row));
        }
    }
}

struct Row {
    dry_run: Cost,
    rename: Cost,
    audit: Cost,
    undo: Cost,
    sed: Cost,
    /// KiB; of the largest run so far, for the kernel keeps no other.
    peak: i64,
}

impl Row {
    fn take(kind: &Kind, size: usize) -> Self {
        let dir = Scratch::new();
        (kind.make)(&dir.0, size);
        let root = dir.0.join("root");
        let sed = sed(&dir.0);
        let verb = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_postclone"));
            command.args(arguments).arg("--root").arg(&root);
            cost(&mut command)
        };
        let report = dir.0.join("lvm.json");
        let mut rename = vec!["rename", OLD, NEW, "--files-only", "--no-pager"];
        if report.exists() {
            rename.extend(["--lvm-report", report.to_str().unwrap()]);
        }
        Self {
            dry_run: verb(&[&rename[..], &["--dry-run"]].concat()),
            rename: verb(&[&rename[..], &["--yes", "-q"]].concat()),
            audit: verb(&["audit", OLD]),
            undo: verb(&["undo", "--yes"]),
            sed,
            peak: getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss(),
        }
    }

    fn print(&self, name: &str, size: usize) {
        let mut line = format!("| {name} | {size}");
        for cost in [self.dry_run, self.rename, self.audit, self.undo, self.sed] {
            let _ = write!(line, " | {:.2} s", cost.elapsed.as_secs_f64());
        }
        println!(
            "{line} | {:.1} | {:.2} s | {} MiB |",
            self.rename.elapsed.as_secs_f64() / self.sed.elapsed.as_secs_f64(),
            self.rename.processor.as_secs_f64(),
            self.peak >> 10
        );
    }

    /// How many times as much of processors' time four times the work takes, by this row and the smaller
    /// one before it.
    fn print_growth(&self, earlier: &Self, times: f64) {
        let mut line = String::from("| CPU for 4 times the work | 4.0");
        for (now, then) in [
            (self.dry_run, earlier.dry_run),
            (self.rename, earlier.rename),
            (self.audit, earlier.audit),
            (self.undo, earlier.undo),
            (self.sed, earlier.sed),
        ] {
            let growth = now.processor.as_secs_f64() / then.processor.as_secs_f64();
            let _ = write!(line, " | {:.1}", growth.powf(4_f64.ln() / times.ln()));
        }
        println!("{line} | | | |");
    }
}

/// The same substitutions by sed, in place and on the disk when they end, over a copy of the tree.
fn sed(dir: &Path) -> Cost {
    let copy = dir.join("copy");
    assert!(
        Command::new("cp").arg("-a").args([&dir.join("root"), &copy]).status().unwrap().success()
    );
    let script = r#"find "$1" -type f -print0 | xargs -0 sed -i -e "s/$2/$3/g" -e "s/$4/$5/g" && sync -f "$1""#;
    let (old, new) = (OLD.replace('-', "--"), NEW.replace('-', "--"));
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(&copy).args([&old, &new, OLD, NEW]);
    let cost = cost(&mut command);
    fs::remove_dir_all(copy).unwrap();
    cost
}

fn grub_cfg(dir: &Path, lines: usize) {
    let mut text = String::new();
    for line in 0..lines {
        let _ = writeln!(
            text,
            "\tlinux /vmlinuz-6.1.0-1 root=/dev/mapper/svlmon2--vg-root ro quiet number={line:07}"
        );
    }
    write(&dir.join("root/boot/grub/grub.cfg"), &text);
    write(&dir.join("root/boot/vmlinuz-6.1.0-1"), "");
    fs::create_dir_all(dir.join("root/etc")).unwrap();
}

fn cron(dir: &Path, files: usize) {
    for number in 0..files {
        let path = dir.join(format!("root/etc/cron.d/job{number:05}"));
        write(&path, &format!("{} 3 * * * root lvs /dev/{OLD}/root\n", number % 60));
    }
}

fn volumes(dir: &Path, volumes: usize) {
    let (mut fstab, mut rows) = (String::new(), Vec::new());
    for number in 0..volumes {
        let _ = writeln!(fstab, "/dev/{OLD}/data_{number:05} /srv/{number:05} ext4 noauto 0 2");
        rows.push(format!(
            r#"{{"lv_name":"data_{number:05}","lv_uuid":"u{number}","lv_attr":"-wi-ao----"}}"#
        ));
    }
    write(&dir.join("root/etc/fstab"), &fstab);
    let group = format!(r#"{{"vg_name":"{OLD}","vg_uuid":"x","vg_attr":"wz--n-"}}"#);
    let text = format!(r#"{{"report":[{{"vg":[{group}],"lv":[{}]}}]}}"#, rows.join(","));
    write(&dir.join("lvm.json"), &text);
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A directory under `target/`, removed when it is dropped; nothing of other work waits to be written.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("growth");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        nix::unistd::syncfs(File::open(&dir).unwrap().as_fd()).unwrap();
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn cost(command: &mut Command) -> Cost {
    let processor = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        let time = |of: nix::sys::time::TimeVal| {
            Duration::from_micros(
                u64::try_from(of.tv_sec()).unwrap() * 1_000_000
                    + u64::try_from(of.tv_usec()).unwrap(),
            )
        };
        time(usage.user_time()) + time(usage.system_time())
    };
    let (before, start) = (processor(), Instant::now());
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
    Cost { elapsed: start.elapsed(), processor: processor().saturating_sub(before) }
}
