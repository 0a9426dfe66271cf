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

/// veritytab(5): data and hash device; integritytab(5): the device, a key's file, options. Device paths
/// in every field but the first, which is a mapping's name.
pub fn device_table(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    for line in lines(text) {
        let fields = fields(text, line.clone());
        let Some(first) = fields.first() else { continue };
        if text[first.start] == b'#' {
            comment(matcher, text, line, &mut findings);
            continue;
        }
        for (number, field) in fields.iter().enumerate().skip(1) {
            if number < 3 {
                path_field(matcher, text, field.clone(), &mut findings);
            } else {
                option_field(matcher, text, field.clone(), &mut findings);
            }
        }
    }
    Ok(findings)
}

/// The mapping names that a crypttab, or a table of its kind, declares.
pub fn mapping_names(text: &[u8]) -> BTreeSet<String> {
    lines(text)
        .filter_map(|line| fields(text, line).into_iter().next())
        .filter(|first| text[first.start] != b'#')
        .map(|first| String::from_utf8_lossy(&text[first]).into_owned())
        .collect()
}
