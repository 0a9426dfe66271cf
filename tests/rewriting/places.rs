//! `man/places.md` and the table in the program say the same, and every test that the page names is
//! there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use postclone::guest::root::Root;
use postclone::rewrite::{PLACES, Place, Treatment};

use crate::harness::{postclone, project};

/// A row of the page: its cells.
fn rows() -> Vec<Vec<String>> {
    let page = fs::read_to_string(project().join("man/places.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Place"));
    let cells = |line: &str| {
        let line = line.replace(r"\|", "\u{1}");
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace('\u{1}', "|")).collect::<Vec<_>>()
    };
    rows.map(cells).collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_page_has_every_place_as_the_program_has_it() {
    let mut places: BTreeMap<String, &Place> =
        PLACES.iter().map(|place| (format!("/{}", place.pattern), place)).collect();
    assert_eq!(places.len(), PLACES.len(), "a pattern stands twice in the table");
    for row in rows() {
        assert_eq!(row.len(), 5, "{row:?}");
        let known = ["rewritten", "renamed", "reported", "automatic", "left"];
        let word = known.iter().find(|word| row[2].starts_with(**word));
        let word = *word.unwrap_or_else(|| panic!("what is done with {row:?}?"));
        for pattern in quoted(&row[0]) {
            let Some(place) = places.remove(pattern) else {
                let promised =
                    pattern.starts_with('/') && ["rewritten", "reported"].contains(&word);
                assert!(!promised, "{pattern} is on the page, twice or not in the program");
                continue;
            };
            let done = match place.treatment {
                Treatment::Rewritten | Treatment::Then(_) => "rewritten",
                Treatment::Reported(_) => "reported",
            };
            assert_eq!(word, done, "{pattern}");
            assert_eq!(row[3], place.severity.word(), "{pattern}");
            let advised = matches!(place.treatment, Treatment::Then(_));
            assert_eq!(row[2].contains("a warning says"), advised, "{pattern}");
        }
    }
    assert!(places.is_empty(), "not on the page: {:?}", places.keys());
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let mut sources = BTreeSet::new();
    let folders = fs::read_dir(project().join("tests")).unwrap().flatten();
    let folders = folders.map(|entry| entry.path()).filter(|path| path.is_dir());
    for dir in folders.chain([project().join("src/rewrite")]) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                let module = path.file_stem().unwrap().to_string_lossy().into_owned();
                for line in fs::read_to_string(&path).unwrap().lines() {
                    if let Some(name) = line.trim().strip_prefix("fn ") {
                        let name = name.split('(').next().unwrap();
                        sources.insert(format!("{module}::{name}"));
                    }
                }
            }
        }
    }
    let page = fs::read_to_string(project().join("man/places.md")).unwrap();
    let head =
        page.lines().take_while(|line| !line.starts_with("## ")).collect::<Vec<_>>().join("\n");
    let head: Vec<&str> = quoted(&head).filter(|word| word.starts_with("planted::")).collect();
    assert_eq!(head.len(), 1);
    let rows = rows();
    let named = rows.iter().flat_map(|row| quoted(&row[4])).chain(head);
    let mut count = 0;
    for name in named {
        let exists = match name.strip_prefix("fixtures/") {
            Some(_) => project().join(name).join("args").is_file(),
            None => sources.contains(name),
        };
        assert!(exists, "{name} is not there");
        count += 1;
    }
    assert!(count > 50, "only {count} tests are named");
}

#[test]
fn a_tree_is_walked_as_deep_as_it_goes_and_never_through_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let make = |path: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    };
    for path in [
        "etc/s/a.mount",
        "etc/s/d/b.mount",
        "etc/s/d/e/x.mount.d/c.conf",
        "etc/s/.git/d.mount",
        "usr/u/f.mount",
    ] {
        make(path);
    }
    make(&format!("etc/s/{}g.mount", "deep/".repeat(9)));
    symlink("../../usr/u", dir.path().join("etc/s/linked")).unwrap();
    symlink("../a.mount", dir.path().join("etc/s/d/h.mount")).unwrap();
    symlink("x.mount.d", dir.path().join("etc/s/d/e/y.mount.d")).unwrap();
    let root = Root::open(dir.path()).unwrap();
    let found = |pattern: &str| root.glob(pattern).unwrap();
    let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
    assert_eq!(found("etc/s/**/*.mount"), paths(&["/etc/s/a.mount", "/etc/s/d/b.mount"]));
    assert_eq!(found("etc/s/**/*.mount.d/*.conf"), paths(&["/etc/s/d/e/x.mount.d/c.conf"]));
    assert!(found("etc/none/**/*").is_empty());
    // One `*` follows links, as ever.
    assert_eq!(found("etc/s/linked/*.mount"), paths(&["/etc/s/linked/f.mount"]));
}

/// What no boot reads must not stop a run.
#[test]
fn a_place_that_cannot_be_read_stops_a_run_only_where_a_boot_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let etc = dir.path().join("etc");
    fs::create_dir_all(etc.join("crontab")).unwrap();
    fs::write(etc.join("fstab"), "/dev/a-b/root / ext4\n").unwrap();
    symlink("../../../outside", etc.join("sudoers")).unwrap();
    symlink("gone", etc.join("rc.local")).unwrap();
    nix::unistd::mkfifo(&etc.join("smartd.conf"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    let args =
        ["rename", "a-b", "c", "--files-only", "--dry-run", "--root", dir.path().to_str().unwrap()];
    let said = String::from_utf8(postclone(dir.path(), &args).demand(0).stdout).unwrap();
    assert!(said.contains("+/dev/c/root"), "{said}");
    for file in ["crontab", "sudoers", "rc.local", "smartd.conf"] {
        assert!(said.contains(&format!("Warning: /etc/{file}: ")), "{file}: {said}");
    }
    fs::create_dir(etc.join("crypttab")).unwrap();
    let run = postclone(dir.path(), &args).demand(1);
    assert!(run.stderr.contains("crypttab"), "{}", run.stderr);
}

#[test]
fn the_manual_has_every_kind() {
    let manual = fs::read_to_string(project().join("man/postclone.8")).unwrap();
    let literals: Vec<&str> = manual
        .lines()
        .filter(|line| line.contains("Li "))
        .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-'))
        .collect();
    for place in PLACES {
        assert!(literals.contains(&place.kind), "{} is not in the manual", place.kind);
    }
}

/// On s390 the entries are read when zipl runs, not when the machine boots.
#[test]
fn entries_in_a_boot_map_are_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let entries = dir.path().join("boot/loader/entries");
    fs::create_dir_all(&entries).unwrap();
    fs::create_dir(dir.path().join("etc")).unwrap();
    fs::write(entries.join("x.conf"), "options root=/dev/a-b/root\n").unwrap();
    let args =
        ["rename", "a-b", "c", "--files-only", "--dry-run", "--root", dir.path().to_str().unwrap()];
    let said =
        |args: &[&str]| String::from_utf8(postclone(dir.path(), args).demand(0).stdout).unwrap();
    assert!(!said(&args).contains("zipl"));
    fs::write(dir.path().join("etc/zipl.conf"), "[defaultboot]\ndefaultauto\n").unwrap();
    assert_eq!(said(&args).matches("Warning: /etc/zipl.conf: ").count(), 1);
    fs::write(dir.path().join("etc/zipl.conf"), "parameters=root=/dev/a-b/root\n").unwrap();
    assert_eq!(said(&args).matches("Warning: /etc/zipl.conf: ").count(), 1);
}
