//! The host's name in its places: `fixtures/host-names`, and the page of places.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use postclone::host::place::Place;
use postclone::host::places::{self, PLACES};
use postclone::host::{HostNames, Spelling};
use postclone::rewrite::Treatment;
use postclone::rewrite::edit::apply;

use crate::harness::{bless, project};
use crate::tree::{self, Content};

/// The place of Red Hat's file, which is SUSE's directory: one tree cannot have both. A test of
/// `network` has it.
const NOT_IN_THE_TREE: &str = "etc/sysconfig/network";

fn fixture() -> PathBuf {
    project().join("fixtures/host-names")
}

/// The files below a directory of the fixture, by their paths.
fn files(below: &str) -> BTreeMap<String, Vec<u8>> {
    let files = tree::read(&fixture().join(below)).into_iter();
    files
        .filter_map(|(path, entry)| match entry.content {
            Content::File(bytes) => Some((path.to_str().unwrap().to_owned(), bytes)),
            _ => None,
        })
        .collect()
}

fn names() -> HostNames {
    let spelling = |name| Spelling::new(name).unwrap();
    HostNames::new(spelling("mail.example.org"), spelling("web01"))
}

/// A file afterwards; one without a place stays.
fn after(names: &HostNames, path: &str, bytes: &[u8]) -> Vec<u8> {
    match places::rewrite(names, path, bytes) {
        Some(found) => apply(bytes, &found.edits),
        None => bytes.to_vec(),
    }
}

#[test]
fn a_name_that_is_a_word_changes_in_typed_places_alone() {
    let names = names();
    let (mut changed, mut left) = (BTreeMap::new(), String::new());
    for (path, bytes) in files("root") {
        for shown in places::rewrite(&names, &path, &bytes).unwrap_or_default().left {
            let token = String::from_utf8_lossy(&bytes[shown.token]);
            writeln!(left, "{path}: {token}: {}", shown.why).unwrap();
        }
        changed.insert(path.clone(), after(&names, &path, &bytes));
    }
    let expected = fixture().join("expected");
    if bless() {
        for (path, bytes) in &changed {
            let path = expected.join("root").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        fs::write(expected.join("left.txt"), &left).unwrap();
    }
    let wanted = files("expected/root");
    assert_eq!(changed.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    for (path, bytes) in &changed {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(bytes), text(&wanted[path]), "{path}");
        assert!(*bytes == wanted[path], "{path}");
    }
    assert_eq!(left, fs::read_to_string(expected.join("left.txt")).unwrap());
}

#[test]
fn twice_is_once_and_the_way_back_brings_every_byte() {
    let names = names();
    for (path, bytes) in files("root") {
        let there = after(&names, &path, &bytes);
        assert!(after(&names, &path, &there) == there, "{path}");
        let back = after(&names.reversed(), &path, &there);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        // Case is the one thing that does not come back, where no format asks for it.
        assert_eq!(text(&back).to_lowercase(), text(&bytes).to_lowercase(), "{path}");
        let has_other_case = ["etc/hosts", "etc/postfix-out/main.cf", "etc/samba/smb.conf"];
        assert!(back == bytes || has_other_case.contains(&path.as_str()), "{path}");
    }
}

#[test]
fn every_place_has_a_file_in_which_it_finds_the_name() {
    let names = names();
    let files = files("root");
    let found: BTreeSet<&str> = files
        .iter()
        .filter(|(path, bytes)| {
            let found = places::rewrite(&names, path, bytes).unwrap_or_default();
            !found.edits.is_empty() || !found.left.is_empty()
        })
        .filter_map(|(path, _)| places::place(path))
        .map(|place| place.pattern)
        .collect();
    let all: BTreeSet<&str> = PLACES.iter().map(|place| place.pattern).collect();
    assert_eq!(all.len(), PLACES.len(), "a pattern stands twice in the table");
    let missing: Vec<&&str> = all.difference(&found).collect();
    assert_eq!(missing, [&NOT_IN_THE_TREE]);
}

/// The cells of the page's rows.
fn rows() -> Vec<Vec<String>> {
    let page = fs::read_to_string(project().join("man/host-places.md")).unwrap();
    page.lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| Place"))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_page_has_every_place_as_the_program_has_it() {
    let mut places: BTreeMap<String, &Place> =
        PLACES.iter().map(|place| (format!("/{}", place.pattern), place)).collect();
    for row in rows() {
        assert_eq!(row.len(), 5, "{row:?}");
        for pattern in quoted(&row[0]).filter(|pattern| pattern.starts_with('/')) {
            let Some(place) = places.remove(pattern) else {
                assert!(row[1].starts_with("left"), "{pattern} is twice there, or no place");
                continue;
            };
            let done = match place.treatment {
                Treatment::Rewritten | Treatment::Then(_) => "rewritten",
                Treatment::Reported(_) => "reported",
            };
            assert!(row[1].starts_with(done), "{pattern}: {done}");
            assert_eq!(row[3], place.severity.word(), "{pattern}");
            let advised = matches!(place.treatment, Treatment::Then(_));
            assert_eq!(row[1].contains("a warning says"), advised, "{pattern}");
        }
    }
    assert!(places.is_empty(), "not on the page: {:?}", places.keys());
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let source = |path: &str| fs::read_to_string(project().join(path)).unwrap_or_default();
    let mut count = 0;
    for row in rows() {
        for name in quoted(&row[4]) {
            let is_there = match name.split_once("::") {
                None => project().join(name).join("README.md").is_file(),
                Some((module, test)) => {
                    let function = format!("fn {test}(");
                    ["src/host/", "src/host/forms/", "tests/rewriting/"]
                        .iter()
                        .any(|dir| source(&format!("{dir}{module}.rs")).contains(&function))
                }
            };
            assert!(is_there, "{name} is not there");
            count += 1;
        }
    }
    assert!(count > 20, "only {count} tests are named");
}

#[test]
fn a_name_that_is_too_long_is_refused() {
    let long = format!("a.{}", vec!["b".repeat(60); 5].join("."));
    let error = format!("{:#}", postclone::host::names::Spelling::new(&long).unwrap_err());
    assert!(
        error.starts_with("a host name has at most 253 bytes: give a shorter name than"),
        "{error}"
    );
}
