//! `cargo bench --bench audit`: the audit of a large tree beside ripgrep's search for the same
//! spellings, in one paired run with a warm cache.
//!
//! Makes 100,000 files of 4 GiB in all under `target/`, the same ones each time, a copy of this
//! machine's /usr/share, and trees of 10,000 and 100,000 files of 1 KiB; keeps them all.
//! Prints medians, ratios and peak memory; asserts nothing. Wants rg(1) of ripgrep and time(1).

#![allow(clippy::disallowed_methods)]
#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const FILES: u64 = 100_000;
const BYTES: u64 = 4 << 30;
const RUNS: usize = 3;

fn main() {
    let tree = Path::new(env!("CARGO_TARGET_TMPDIR")).join("audit-tree");
    make(&tree);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    println!(
        "{FILES} files, {} GiB, {threads} threads, warm cache, {RUNS} paired runs",
        BYTES >> 30
    );
    println!(
        "| name | audit | rg | ratio | audit's CPU | rg's CPU | ratio | audit's memory | rg's |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    // A name with a rare piece, one that is a common word, one too short to have a piece.
    for name in ["svlmon2-vg", "ubuntu-vg", "system", "a-b"] {
        row(name, &compare(&tree, name, &threads));
    }
    let share = tree.with_file_name("audit-share");
    copy_of_share(&share);
    row("system, in /usr/share", &compare(&share, "system", &threads));
    println!("\n| small files | audit | each | rg | each |\n|---|---|---|---|---|");
    for count in [10_000, 100_000] {
        let tree = tree.with_file_name(format!("audit-small-{count}"));
        small(&tree, count);
        let (a, r) = compare(&tree, "svlmon2-vg", &threads);
        let each = |wall: f64| wall * 1e6 / count as f64;
        println!(
            "| {count} | {:.3} s | {:.1} us | {:.3} s | {:.1} us |",
            a.wall,
            each(a.wall),
            r.wall,
            each(r.wall)
        );
    }
}

/// The audit and rg in turn over a tree that both have read before.
fn compare(tree: &Path, name: &str, threads: &str) -> (Used, Used) {
    let pattern = spellings(tree, name);
    let mut audit = timed(env!("CARGO_BIN_EXE_postclone"));
    audit.args(["audit", name, "-q", "--root"]).arg(tree);
    // All files, whatever they are called; no count where there is none.
    let mut rg = timed("rg");
    rg.args(["-a", "-c", "--no-config", "--no-ignore", "--hidden", "-j", threads, "-e"]);
    rg.arg(&pattern).arg(tree);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    run(&mut audit);
    run(&mut rg);
    for _ in 0..RUNS {
        ours.push(run(&mut audit));
        theirs.push(run(&mut rg));
    }
    (Used::median(&ours), Used::median(&theirs))
}

fn row(what: &str, (a, r): &(Used, Used)) {
    println!(
        "| {what} | {:.2} s | {:.2} s | {:.2} | {:.2} s | {:.2} s | {:.2} | {} MiB | {} MiB |",
        a.wall,
        r.wall,
        a.wall / r.wall,
        a.cpu,
        r.cpu,
        a.cpu / r.cpu,
        a.memory >> 10,
        r.memory >> 10
    );
}

fn copy_of_share(tree: &Path) {
    if tree.exists() {
        return;
    }
    fs::create_dir_all(tree.join("etc")).unwrap();
    let copied = Command::new("cp").args(["-a", "/usr/share"]).arg(tree.join("srv")).status();
    assert!(copied.unwrap().success());
}

/// Files of 1 KiB each, a hundred a directory.
fn small(tree: &Path, count: u64) {
    if tree.exists() {
        return;
    }
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for number in 0..count {
        let dir = tree
            .join("etc")
            .join(format!("d{}", number / 10_000))
            .join(format!("e{}", number / 100));
        fs::create_dir_all(&dir).unwrap();
        let mut out = BufWriter::new(File::create(dir.join(format!("f{number}"))).unwrap());
        text(&mut out, 1024, number, &mut random);
    }
}

/// The alternation of the spellings that the audit itself looks for.
fn spellings(tree: &Path, name: &str) -> String {
    let small = tree.join("small");
    fs::create_dir_all(small.join("etc")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_postclone"))
        .args(["audit", name, "-q", "--format", "json", "--root"])
        .arg(&small)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = report["spellings"].as_array().unwrap().iter();
    let escaped = all.map(|spelling| escape(spelling.as_str().unwrap()));
    escaped.collect::<Vec<_>>().join("|")
}

fn escape(text: &str) -> String {
    let special = |c: char| if c.is_ascii_alphanumeric() { c.into() } else { format!("\\{c}") };
    text.chars().map(special).collect()
}

fn timed(program: &str) -> Command {
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "%M %U %S", program]).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// What one run took. On a machine that does other things as well, CPU time says more than the
/// clock.
struct Used {
    /// Seconds by the clock.
    wall: f64,
    /// Seconds of all threads, in the program and in the kernel.
    cpu: f64,
    /// The largest resident set in KiB.
    memory: u64,
}

impl Used {
    /// Medians of the times, the maximum of the memory.
    fn median(runs: &[Self]) -> Self {
        let middle = |field: fn(&Self) -> f64| {
            let mut all: Vec<f64> = runs.iter().map(field).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let memory = runs.iter().map(|run| run.memory).max().unwrap();
        Self { wall: middle(|run| run.wall), cpu: middle(|run| run.cpu), memory }
    }
}

fn run(command: &mut Command) -> Used {
    let start = Instant::now();
    let output = command.spawn().expect("time(1) is installed").wait_with_output().unwrap();
    let wall = start.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let numbers: Vec<f64> = text
        .lines()
        .last()
        .unwrap_or_default()
        .split_whitespace()
        .map(|number| number.parse().unwrap_or_else(|_| panic!("{text}")))
        .collect();
    Used { wall, cpu: numbers[1] + numbers[2], memory: numbers[0] as u64 }
}

/// The tree: under /srv, /opt and /etc, text and binaries from a few bytes to some MiB, of which a
/// few name one of the groups.
fn make(tree: &Path) {
    let done = tree.join("done");
    if done.exists() {
        return;
    }
    println!("making {}", tree.display());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut left = BYTES;
    for number in 0..FILES {
        let top = ["srv", "opt", "etc", "var/lib"][(number % 4) as usize];
        let dir: PathBuf =
            tree.join(top).join(format!("d{}", number / 4 % 40)).join(format!("e{}", number / 400));
        fs::create_dir_all(&dir).unwrap();
        // Half of the rest's mean up to one and a half of it, with a large one now and then.
        let mean = left / (FILES - number);
        let factor = if number % 1000 == 7 { 100 } else { 1 };
        let size = if number + 1 == FILES { left } else { mean * (random.below(200) + 1) / 110 };
        let size = (size * factor).min(left);
        left -= size;
        let mut out = BufWriter::new(File::create(dir.join(format!("f{number}"))).unwrap());
        if number % 3 == 0 {
            binary(&mut out, size, &mut random);
        } else {
            text(&mut out, size, number, &mut random);
        }
        out.flush().unwrap();
    }
    fs::write(done, "").unwrap();
}

const WORDS: &[&str] = &[
    "the",
    "system",
    "server",
    "monitor",
    "root",
    "device",
    "mapper",
    "ubuntu",
    "debian",
    "volume",
    "configuration",
    "a",
    "of",
    "and",
    "/usr/lib/x86_64-linux-gnu",
    "error:",
    "0x7f3a",
    "=",
    "value",
    "listen",
    "path",
    "svlmon1",
    "a-c",
    "sv",
    "enabled",
    "false",
    "127.0.0.1",
    "\"quoted\"",
];

fn text(out: &mut impl Write, size: u64, number: u64, random: &mut Random) {
    let mut written = 0;
    let mut column = 0;
    while written < size {
        let word = match random.below(4_000_000) {
            0 => "/dev/mapper/svlmon2--vg-root",
            1 => "svlmon2-vg",
            2 => "/dev/ubuntu-vg/root",
            _ if number % 5000 == 1 && column == 0 => "/dev/a-b/home",
            _ => WORDS[random.below(WORDS.len() as u64) as usize],
        };
        column += word.len() + 1;
        let end = if column > 70 { "\n" } else { " " };
        if column > 70 {
            column = 0;
        }
        write!(out, "{word}{end}").unwrap();
        written += word.len() as u64 + 1;
    }
}

fn binary(out: &mut impl Write, size: u64, random: &mut Random) {
    for _ in 0..size / 8 {
        out.write_all(&random.next().to_le_bytes()).unwrap();
    }
}

/// xorshift64 (Marsaglia): the same tree each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
