//! `/etc/crypttab` (crypttab(5) of Debian's cryptsetup and of systemd).

use std::collections::BTreeSet;

use anyhow::Result;

use super::edit::Findings;
use super::fields::{comment, fields, option_field, path_field};
use super::lines::lines;
use super::matcher::Matcher;
use super::scan::{PATHS, scan};

/// Source, key and options. The first field is a mapping's name, which is free text.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    for line in lines(text) {
        let fields = fields(text, line.clone());
        let Some(first) = fields.first() else { continue };
        if text[first.start] == b'#' {
            comment(matcher, text, line, &mut findings);
            continue;
        }
        if let Some(source) = fields.get(1) {
            path_field(matcher, text, source.clone(), &mut findings);
        }
        if let Some(key) = fields.get(2) {
            // `/keyfile:/dev/…` (systemd) and `/dev/…:/keyfile` (passdev) beside a plain path.
            if text[key.clone()].contains(&b':') {
                scan(matcher, text, key.clone(), PATHS, &mut findings);
            } else {
                path_field(matcher, text, key.clone(), &mut findings);
            }
        }
        if let Some(options) = fields.get(3) {
            option_field(matcher, text, options.clone(), &mut findings);
        }
    }
    Ok(findings)
}

/// The mapping names that a crypttab declares.
pub fn mapping_names(text: &[u8]) -> BTreeSet<String> {
    lines(text)
        .filter_map(|line| fields(text, line).into_iter().next())
        .filter(|first| text[first.start] != b'#')
        .map(|first| String::from_utf8_lossy(&text[first]).into_owned())
        .collect()
}
