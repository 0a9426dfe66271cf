//! Boot entries of type #1 (uapi-group.org, Boot Loader Specification).

use anyhow::Result;

use super::edit::Findings;
use super::fields::fields;
use super::lines::lines;
use super::matcher::Matcher;
use super::scan::{KERNEL, scan};

/// Rewrites the kernel command line in `options` lines, and comments. Titles and file paths stay.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    for line in lines(text) {
        let fields = fields(text, line.clone());
        let Some(key) = fields.first() else { continue };
        if text[key.start] == b'#' || text[key.clone()] == *b"options" {
            scan(matcher, text, line, KERNEL, &mut findings);
        }
    }
    Ok(findings)
}
