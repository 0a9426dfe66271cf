//! The manual page and the README say what the command line says.

use std::fs;

use clap::CommandFactory;
use postclone::cli::Cli;

use crate::harness::{postclone, project};

fn manual() -> String {
    // troff writes a hyphen that is meant as one with a backslash.
    fs::read_to_string(project().join("man/postclone.8")).unwrap().replace("\\-", "-")
}

#[test]
fn every_verb_and_option_is_in_the_manual() {
    let manual = manual();
    for verb in Cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
        assert!(manual.contains(verb.get_name()), "the verb {} is missing", verb.get_name());
        for option in verb.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(
                manual.contains(&format!("--{option}")),
                "{}: --{option} is missing",
                verb.get_name()
            );
        }
    }
}

#[test]
fn the_manual_has_no_option_that_is_none() {
    let known: Vec<String> = Cli::command()
        .get_subcommands()
        .flat_map(|verb| {
            verb.get_arguments()
                .filter_map(clap::Arg::get_long)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    // Options of other programs that the page quotes.
    let others = ["help", "version", "driverloaded", "reportformat", "config"];
    for word in manual().split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        let Some(option) = word
            .strip_prefix("--")
            .filter(|option| option.starts_with(|c: char| c.is_ascii_lowercase()))
        else {
            continue;
        };
        assert!(
            known.iter().any(|name| name == option) || others.contains(&option),
            "--{option} is no option"
        );
    }
}

#[test]
fn help_fits_eighty_columns() {
    for args in [
        &["--help"][..],
        &["rename", "--help"],
        &["undo", "--help"],
        &["status", "--help"],
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
