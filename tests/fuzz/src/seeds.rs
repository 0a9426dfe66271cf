//! Writes the targets' first inputs, from the fixtures: seeds FIXTURES CORPUS

// What is compiled for libFuzzer needs its counters.
extern crate libfuzzer_sys as _;

use std::fs;
use std::path::{Path, PathBuf};

use postclone::rewrite::{PLACES, is_at};
use postclone::{host, identity};
use postclone_fuzz::rewriters::FAMILIES;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(fixtures), Some(corpus)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: seeds FIXTURES CORPUS");
    };
    let mut written = 0;
    for fixture in fs::read_dir(&fixtures)? {
        let dir = fixture?.path();
        let Ok(args) = fs::read_to_string(dir.join("args")) else { continue };
        let old = args.split_whitespace().next().unwrap_or_default().to_owned();
        let root = dir.join("root");
        let mut files = Vec::new();
        walk(&root, &mut files)?;
        for file in files {
            let inner = file.strip_prefix(&root)?.to_string_lossy().into_owned();
            let Some(place) = PLACES.iter().find(|place| is_at(place, &inner)) else { continue };
            let text = regrouped(&fs::read(&file)?, &old);
            for (target, family) in FAMILIES {
                for (choice, (_, rewrite)) in family.iter().enumerate() {
                    if !std::ptr::fn_addr_eq(*rewrite, place.rewrite) {
                        continue;
                    }
                    for known in [0_u8, 1] {
                        let input = [&[u8::try_from(choice)?, known], text.as_slice()].concat();
                        put(&corpus.join(target), &format!("{written:05}"), &input)?;
                        written += 1;
                    }
                }
            }
        }
    }
    let root = fixtures.join("host-names/root");
    let mut files = Vec::new();
    walk(&root, &mut files)?;
    for file in files {
        let inner = file.strip_prefix(&root)?.to_string_lossy().into_owned();
        let Some(place) = host::places::place(&inner) else { continue };
        let is_it = |other: &host::place::Place| other.pattern == place.pattern;
        let choice = u8::try_from(host::places::PLACES.iter().position(is_it).unwrap_or_default())?;
        let text = fs::read(&file)?;
        for domain in [0_u8, 1] {
            let input = [&[choice, domain], text.as_slice()].concat();
            put(&corpus.join("host_names"), &format!("{written:05}"), &input)?;
            written += 1;
        }
    }
    let root = fixtures.join("identity/template/root");
    let mut files = Vec::new();
    walk(&root, &mut files)?;
    for file in files {
        let inner = Path::new("/").join(file.strip_prefix(&root)?);
        let forms = &identity::items::macs::FORMS;
        let choice = match identity::items::macs::form(&inner) {
            Some(form) => forms.iter().position(|own| own.kind == form.kind).unwrap_or_default(),
            None if ["iscsi", "nvme", "wicked"]
                .iter()
                .any(|dir| inner.iter().any(|part| part == *dir)) =>
            {
                forms.len()
            }
            None => continue,
        };
        let input = [&[u8::try_from(choice)?, 0], fs::read(&file)?.as_slice()].concat();
        put(&corpus.join("renewals"), &format!("{written:05}"), &input)?;
        written += 1;
    }
    for (number, name) in NAMES.iter().enumerate() {
        put(&corpus.join("names"), &format!("{number:02}"), name.as_bytes())?;
    }
    println!("{written} seeds from {}", fixtures.display());
    Ok(())
}

/// The text with the targets' group in place of the fixture's, where it is text.
fn regrouped(bytes: &[u8], old: &str) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
    let (dm, unit) = (format!("{}-", old.replace('-', "--")), old.replace('-', "\\x2d"));
    let text = text.replace(&dm, "svlmon2--vg-");
    let text = text.replace(&dm.replace('-', "\\x2d"), "svlmon2\\x2d\\x2dvg\\x2d");
    let text = if old.contains('-') { text.replace(&unit, "svlmon2\\x2dvg") } else { text };
    text.replace(old, "svlmon2-vg").into_bytes()
}

const NAMES: &[&str] = &[
    "svlmon2-vg\nroot\nsvlmon2",
    "rhel_web1\nswap\nweb1",
    "a--b-\ndata-1\nb",
    "dev-mapper-svlmon2\\x2d\\x2dvg\\x2droot",
    "..y\n_\nfedora",
];

fn put(dir: &Path, name: &str, input: &[u8]) -> anyhow::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join(name), input)?;
    Ok(())
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), files)?;
        } else if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}
