//! `/etc/crypttab` (crypttab(5) of Debian's cryptsetup and of systemd).

use std::collections::BTreeSet;

use anyhow::Result;

use super::edit::Findings;
use super::fields::{comment, fields, option_field, path_field};
use super::lines::lines;
use super::matcher::Matcher;
use super::scan::{PATHS, scan};

/// Rewrites source, key and options. The first field is the name of a mapping, which is free text.
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
            // A key may also be `/keyfile:/dev/…` (systemd) or `/dev/…:/keyfile` (passdev).
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

/// Rewrites device paths in every field but the first, which is the name of a mapping. veritytab(5) has a
/// data device and a hash device. integritytab(5) has a device, a key file and options.
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

/// The names of the mappings that a crypttab, or a similar table, declares.
pub fn mapping_names(text: &[u8]) -> BTreeSet<String> {
    lines(text)
        .filter_map(|line| fields(text, line).into_iter().next())
        .filter(|first| text[first.start] != b'#')
        .map(|first| String::from_utf8_lossy(&text[first]).into_owned())
        .collect()
}
