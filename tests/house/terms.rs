//! Holds the texts to the words of CONTRIBUTING.md: each term has one spelling, everywhere.
//!
//! Code is exempt: code spans, displays, options, file names and what programs print.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::harness::{postclone, project};

const LIST: &str = "CONTRIBUTING.md";

/// The pages. Not those that a guest or a program wrote: they show what it printed then.
const PAGES: &[&str] = &[
    "README.md",
    LIST,
    "CHANGELOG.md",
    "man/beside.md",
    "man/by-hand.md",
    "man/guests.md",
    "man/host-places.md",
    "man/identity.md",
    "man/limits.md",
    "man/places.md",
    "man/safety.md",
    "man/speed.md",
    "packaging/ansible/README.md",
];

/// What a terminal showed once: it stays as it was.
const SHOWN: &[&str] = &["man/first-fixup.md", "man/two-clones.md", "man/terminal.svg"];

/// Words of other programs that postclone reads or writes.
const QUOTED: &[&str] = &["Filesystem features:"];

/// Twisted sentences that stood in the tree once.
const TWISTED: &[&str] = &[
    "1 hold",
    "the two do not match",
    "over such as somebody changed since",
    "it is looked up what else",
    "throws the way back away",
    "of each form 20 are listed",
    "a tree that means it ill",
    "what asks the device mapper by name",
    "fits again from the reboot on",
];

fn read(path: impl AsRef<Path>) -> String {
    let path = project().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

/// Finds a spelling as words of their own; in any case, unless it has capitals itself or differs from
/// the term by them alone.
fn spelling(term: &str, words: &str) -> Regex {
    let has_case = words.chars().any(char::is_uppercase) || words.eq_ignore_ascii_case(term);
    let any_case = if has_case { "" } else { "(?i)" };
    let words: Vec<String> = words.split(' ').map(regex::escape).collect();
    pattern(&format!(r"{any_case}(?:^|[^\w-])({})(?:$|[^\w-])", words.join(r"\s+")))
}

/// The list: every term with the spellings that are not used.
fn list() -> Vec<(String, Vec<String>)> {
    let row = pattern(r"^\| ([^|]+) \| [^|]+ \| ([^|]+) \|$");
    let quoted = pattern(r#""([^"]+)""#);
    let text = read(LIST);
    let section = text.split("\n## Words\n").nth(1).expect("the list has its section");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| row.captures(line));
    rows.filter(|row| !["Term", "---"].contains(&&row[1]))
        .map(|row| {
            let wrong = quoted.captures_iter(&row[2]).map(|found| found[1].to_owned()).collect();
            (row[1].to_owned(), wrong)
        })
        .collect()
}

/// A page without its code: spans, blocks, comments, paths, where links lead, and names that begin a row.
fn prose_of_page(text: &str) -> String {
    let text = pattern(r"(?s)\n## Words\n.*?\n## ").replace(text, "\n");
    let text = pattern(r"(?m)^(?:    |\t).*$").replace_all(&text, "");
    let code = r"(?sm)```.*?```|`[^`]*`|<!--.*?-->|\]\([^)]*\)|[^\s(|]*/[^\s)|]*|^\| [a-z0-9-]+ \|";
    pattern(code).replace_all(&text, " ` ").into_owned()
}

/// The manual without its displays and macros: sentences, and titles.
fn prose_of_manual(text: &str) -> String {
    let text = pattern(r"(?ms)^\.Bd -literal.*?^\.Ed$").replace_all(text, "");
    let lines = text.lines().map(|line| match line.strip_prefix('.') {
        None => line,
        Some(macro_) => match macro_.split_once(' ') {
            Some(("Sh" | "Ss" | "Nd" | "Dq", title)) => title,
            _ => "`",
        },
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The help of every verb, without options, placeholders and the names of values.
fn help() -> Vec<(String, String)> {
    let print = |args: &[&str]| {
        let run = postclone(&project(), args).demand(0);
        String::from_utf8(run.stdout).unwrap()
    };
    let all = print(&["--help"]);
    let verb = pattern(r"(?m)^  ([a-z-]+)  +[A-Z]");
    let mut verbs: Vec<&str> =
        verb.captures_iter(&all).map(|found| found.extract::<1>().1[0]).collect();
    verbs.retain(|verb| *verb != "help");
    assert!(verbs.len() > 8, "{verbs:?}");
    let code = pattern(
        r"`[^`]*`|--?[a-z][a-z-]*|<[^>]*>|(?m)^ +- [a-z-]+:|\[possible values:[^\]]*\]|^Usage:.*$|^  [a-z-]+  ",
    );
    let each = verbs.iter().map(|verb| (format!("help of {verb}"), print(&[verb, "--help"])));
    let texts = each.collect::<Vec<_>>().into_iter().chain([("help".to_owned(), all.clone())]);
    texts.map(|(place, text)| (place, code.replace_all(&text, " ` ").into_owned())).collect()
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The strings of the sources that are sentences, without what they quote and fill in.
fn messages() -> Vec<(String, String)> {
    let token = pattern(
        r##"(?s)//[^\n]*|b?r#+".*?"#+|b?r"[^"]*"|b"(?:[^"\\]|\\.)*"|"((?:[^"\\]|\\.)*)"|b?'(?:[^'\\\n]|\\(?:u\{[^}]*\}|x..|.))'"##,
    );
    let joined = pattern(r"\\\n\s*");
    let code = pattern(
        r"`[^`]*`|\{[^}]*\}|--[a-z][a-z-]*|[^\s(]*[/=][^\s)]*|\$\w+|\w+\.\w[\w.]*|\w+\(\d\)|\\n",
    );
    let mut sources = Vec::new();
    files(&project().join("src"), &mut sources);
    let mut found = Vec::new();
    for path in sources.iter().filter(|path| !path.ends_with("tests.rs")) {
        let text = read(path);
        let own = text.split("#[cfg(test)]").next().unwrap();
        for literal in token.captures_iter(own).filter_map(|token| token.get(1)) {
            let text = joined.replace_all(literal.as_str(), "");
            if text.trim().contains(' ') && !QUOTED.iter().any(|quoted| text.contains(quoted)) {
                let line = own[..literal.start()].lines().count();
                let place = path.strip_prefix(project()).unwrap().display();
                let prose = code.replace_all(&text, " ` ").into_owned();
                found.push((format!("{place}:{line}"), prose));
            }
        }
    }
    assert!(found.len() > 1000, "{} sentences", found.len());
    found
}

#[test]
fn each_term_has_one_spelling() {
    let list = list();
    assert!(list.len() > 25, "{} terms", list.len());
    let mut texts: Vec<(String, String)> =
        PAGES.iter().map(|page| ((*page).to_owned(), prose_of_page(&read(page)))).collect();
    texts.push(("man/postclone.8".to_owned(), prose_of_manual(&read("man/postclone.8"))));
    texts.extend(help());
    texts.extend(messages());
    let mut wrong = Vec::new();
    for (term, spellings) in &list {
        for (words, spelling) in spellings.iter().map(|words| (words, spelling(term, words))) {
            for (place, text) in &texts {
                for found in spelling.find_iter(text) {
                    let line = text[..found.end()].lines().count();
                    wrong.push(format!("{place}, line {line}: \"{words}\": write \"{term}\""));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "CONTRIBUTING.md, Words:\n{}", wrong.join("\n"));
}

#[test]
fn no_sentence_is_twisted_as_before() {
    let own = project().join("tests/house/terms.rs");
    let mut texts = Vec::new();
    for dir in ["src", "man", "packaging", "tests"] {
        files(&project().join(dir), &mut texts);
    }
    texts.extend(["README.md", LIST, "CHANGELOG.md"].map(|page| project().join(page)));
    texts.retain(|path| !SHOWN.iter().any(|shown| path.ends_with(shown)));
    let twisted: Vec<(&str, Regex)> =
        TWISTED.iter().map(|words| (*words, spelling("", words))).collect();
    for path in texts.iter().filter(|path| **path != own) {
        // Files of other kinds, as the pictures and the fuzzers' inputs, are no text.
        let Ok(text) = fs::read_to_string(path) else { continue };
        for (words, spelling) in &twisted {
            assert!(!spelling.is_match(&text), "{}: \"{words}\"", path.display());
        }
    }
}

/// The test itself: what it finds, and what it passes over.
#[test]
fn code_is_exempt_and_prose_is_not() {
    let wrong = spelling("host name", "hostname");
    let page = "The `hostname` of [it](hostname.md).\n\n    hostname web01\n";
    assert!(!wrong.is_match(&prose_of_page(page)));
    assert!(wrong.is_match(&prose_of_page("The hostname stays.")));
    let manual =
        ".Sh NAME\n.Bd -literal\nhostname\n.Ed\n.Xr hostname 1\nThe --to-hostname stays.\n";
    assert!(!wrong.is_match(&prose_of_manual(manual)));
    assert!(wrong.is_match(&prose_of_manual(".Pp\nIts Hostname stays.\n")));
    assert!(!wrong.is_match(&prose_of_page("| hostname | its file is /etc/hostname | |")));
    let wrong = spelling("volume group", "VG");
    assert!(!wrong.is_match("a VG-LV or vg") && wrong.is_match("the VG's disks"));
    let wrong = spelling("machine ID", "machine id");
    assert!(!wrong.is_match("a machine ID") && wrong.is_match("a machine id"));
}
