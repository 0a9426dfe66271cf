//! Help fits a terminal, and the README's first command works. The manual is held to the help by
//! `tests/run`.

use std::fs;

use crate::harness::{postclone, project};

#[test]
fn help_fits_eighty_columns() {
    for args in [
        &["--help"][..],
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
    let command = readme
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("cargo run --release -- rename"));
    let command = command.expect("the README has its first command");
    let args: Vec<&str> = command.split_whitespace().skip(4).collect();
    let run = postclone(&project(), &args).demand(0);
    assert!(String::from_utf8(run.stdout).unwrap().contains("+/dev/mapper/svlinuxtest--vg-root"));
}
