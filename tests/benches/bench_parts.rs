//! `cargo bench --bench parts`: names, the token finder, every rewriter on the fixtures' own files, the
//! diff, LVM's report.

#![allow(clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use postclone::guest::inventory::Inventory;
use postclone::names::{LvName, VgName, dm, path, unit};
use postclone::plan::{self, FileChange};
use postclone::report::diff;
use postclone::report::style::Style;
use postclone::rewrite::matcher::{Matcher, Volumes};
use postclone::rewrite::scan::{WORDS, scan};
use postclone::rewrite::{PLACES, edit, is_at};

fn main() {
    divan::main();
}

/// A file of a fixture, and the renaming that it belongs to.
struct Sample {
    place: &'static str,
    matcher: Matcher,
    text: Vec<u8>,
}

/// By the kind of place: the largest file that a fixture has of it, over and over up to 64 KiB.
static SAMPLES: LazyLock<BTreeMap<&'static str, Sample>> = LazyLock::new(|| {
    let mut samples: BTreeMap<&'static str, Sample> = BTreeMap::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for fixture in fs::read_dir(fixtures).unwrap() {
        let dir = fixture.unwrap().path();
        let Ok(args) = fs::read_to_string(dir.join("args")) else { continue };
        let names: Vec<VgName> =
            args.split_whitespace().map(|name| VgName::new(name).unwrap()).collect();
        let mut files = Vec::new();
        walk(&dir.join("root"), &mut files);
        for file in files {
            let inner = file.strip_prefix(dir.join("root")).unwrap().to_string_lossy().into_owned();
            let Some(place) = PLACES.iter().find(|place| is_at(place, &inner)) else { continue };
            let text = fs::read(&file).unwrap();
            if samples.get(place.kind).is_some_and(|other| other.text.len() >= text.len()) {
                continue;
            }
            let (old, new) = (names[0].clone(), names[1].clone());
            let matcher = Matcher::new(old, new, Volumes::ByForm, BTreeSet::new());
            samples.insert(place.kind, Sample { place: place.pattern, matcher, text });
        }
    }
    for sample in samples.values_mut() {
        let times = (64 << 10) / sample.text.len().max(1);
        // An environment block and a firmware's variable are of one size.
        if times > 1 && !["boot/grub/grubenv"].contains(&sample.place) {
            sample.text = sample.text.repeat(times);
        }
    }
    samples
});

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), files);
        } else if kind.is_file() && entry.metadata().unwrap().len() > 0 {
            files.push(entry.path());
        }
    }
}

fn kinds() -> Vec<&'static str> {
    SAMPLES.keys().copied().collect()
}

#[divan::bench(args = kinds())]
fn rewriter(bencher: Bencher, kind: &str) {
    let sample = &SAMPLES[kind];
    let place = PLACES.iter().find(|place| place.pattern == sample.place).unwrap();
    bencher
        .counter(BytesCount::of_slice(&sample.text))
        .bench(|| (place.rewrite)(black_box(&sample.matcher), black_box(&sample.text)));
}

fn menu() -> &'static Sample {
    &SAMPLES["grub-cfg"]
}

#[divan::bench]
fn token_finder(bencher: Bencher) {
    let sample = menu();
    bencher.counter(BytesCount::of_slice(&sample.text)).bench(|| {
        let mut found = edit::Findings::default();
        scan(&sample.matcher, black_box(&sample.text), 0..sample.text.len(), WORDS, &mut found);
        found
    });
}

#[divan::bench]
fn names() -> (String, String) {
    let vg = VgName::new(black_box("svlmon2-vg")).unwrap();
    let lv = LvName::new(black_box("swap_1")).unwrap();
    let name = dm::dm_name(&vg, &lv);
    assert!(dm::split(&name).is_some());
    (name, unit::escape_path(&path::mapper_path(&vg, &lv)))
}

#[divan::bench]
fn diff_of_a_menu(bencher: Bencher) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    fs::create_dir_all(dir.path().join("boot/grub")).unwrap();
    fs::write(dir.path().join("boot/grub/grub.cfg"), &menu().text).unwrap();
    let root = postclone::guest::root::Root::open(dir.path()).unwrap();
    let old = VgName::new(&menu().matcher.said()).unwrap();
    let matcher = Matcher::new(old, VgName::new("n-w").unwrap(), Volumes::ByForm, BTreeSet::new());
    let sources = plan::Sources::read(&root, &[]).unwrap();
    let changes: Vec<FileChange> = plan::files(&root, sources, &[matcher], &[]).unwrap().changes;
    let change = &changes[0];
    bencher.counter(BytesCount::of_slice(&change.before)).bench(|| {
        let mut out = Vec::new();
        diff::write(&mut out, black_box(change), &change.path, 3, Style::PLAIN).unwrap();
        out
    });
}

#[divan::bench(args = [20, 200, 2000])]
fn lvm_report(bencher: Bencher, volumes: usize) {
    let rows: Vec<String> = (0..volumes)
        .map(|number| {
            format!(r#"{{"lv_name":"data{number}","lv_uuid":"u","lv_attr":"-wi-a-----"}}"#)
        })
        .collect();
    let group = r#"{"vg_name":"a-b","vg_uuid":"x","vg_attr":"wz--n-"}"#;
    let text = format!(r#"{{"report":[{{"vg":[{group}],"lv":[{}]}}]}}"#, rows.join(","));
    bencher
        .counter(divan::counter::ItemsCount::new(volumes))
        .bench(|| Inventory::parse(black_box(text.as_bytes())).unwrap());
}
