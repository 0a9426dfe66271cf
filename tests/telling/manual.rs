//! Help fits a terminal, and the README's first command works. The manual is held to the help by
//! `tests/run`.

use std::fs;

use crate::harness::{postclone, project};

#[test]
fn help_fits_eighty_columns() {
    for args in [
        &["--help"][..],
        &["fixup", "--help"],
        &["rename", "--help"],
        &["undo", "--help"],
        &["status", "--help"],
        &["audit", "--help"],
        &["rename", "-h"],
    ] {
        let run = postclone(&project(), args).demand(0);
        for line in String::from_utf8(run.stdout).unwrap().lines() {
            assert!(line.chars().count() <= 80, "{args:?}: {line}");
        }
    }
}

#[test]
fn the_readmes_first_command_works() {
    let readme = fs::read_to_string(project().join("README.md")).unwrap();
    let command =
        readme.lines().map(str::trim).find(|line| line.starts_with("cargo run --release -- fixup"));
    let command = command.expect("the README has its first command");
    let args: Vec<&str> = command.split_whitespace().skip(4).collect();
    let run = postclone(&project(), &args).demand(0);
    assert!(String::from_utf8(run.stdout).unwrap().contains("+/dev/mapper/web01--vg-root"));
}

#[test]
fn links_in_documents_lead_somewhere() {
    let link = regex::Regex::new(r"\]\(([^):#]+)\)").unwrap();
    let pages = [
        "README.md",
        "man/beside.md",
        "man/by-hand.md",
        "man/limits.md",
        "man/safety.md",
        "packaging/ansible/README.md",
    ];
    for page in pages.map(|page| project().join(page)) {
        let text = fs::read_to_string(&page).unwrap();
        for target in link.captures_iter(&text).map(|found| found[1].to_owned()) {
            let there = page.parent().unwrap().join(&target);
            assert!(there.exists(), "{}: `{target}` is not there", page.display());
        }
    }
}

#[test]
fn the_tests_that_the_page_on_safety_names_are_there() {
    let text = fs::read_to_string(project().join("man/safety.md")).unwrap();
    let scenarios = fs::read_dir(project().join("tests/guest/scenarios")).unwrap().flatten();
    let scenarios: String = scenarios
        .filter(|entry| entry.path().extension().is_some_and(|suffix| suffix == "py"))
        .map(|entry| fs::read_to_string(entry.path()).unwrap())
        .collect();
    let folders = fs::read_dir(project().join("tests")).unwrap().flatten();
    let folders: Vec<_> = folders.map(|entry| entry.path()).collect();
    let named = regex::Regex::new(r"\(([^()]*`[^()]*)\)").unwrap();
    let name = regex::Regex::new(r"`([^`]+)`").unwrap();
    let mut count = 0;
    for test in named.captures_iter(&text).flat_map(|list| {
        name.captures_iter(list.get(1).unwrap().as_str())
            .map(|found| found[1].to_owned())
            .collect::<Vec<_>>()
    }) {
        let places = [test.clone(), format!("tests/guest/scenarios/{}.py", test.replace('-', "_"))];
        let is_file = places.iter().any(|place| project().join(place).exists())
            || folders.iter().any(|folder| folder.join(format!("{test}.rs")).exists());
        let is_scenario = ["S", "s"]
            .iter()
            .any(|first| scenarios.contains(&format!("{first}cenario(\"{test}\",")));
        assert!(is_file || is_scenario, "there is no `{test}`");
        count += 1;
    }
    assert!(count > 15, "{count} names");
}
