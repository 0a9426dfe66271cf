//! `/etc/fstab`, read by libmount's grammar (fstab(5), util-linux libmount/src/tab_parse.c).

use anyhow::Result;

use super::edit::Findings;
use super::fields::{comment, fields, option_field, path_field};
use super::lines::lines;
use super::matcher::Matcher;

/// Rewrites the device field, the options, and device paths in comments. The mount point never changes.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    for line in lines(text) {
        let fields = fields(text, line.clone());
        let Some(first) = fields.first() else { continue };
        if text[first.start] == b'#' {
            comment(matcher, text, line, &mut findings);
            continue;
        }
        path_field(matcher, text, first.clone(), &mut findings);
        if let Some(options) = fields.get(3) {
            option_field(matcher, text, options.clone(), &mut findings);
        }
        // libmount refuses a line with a trailing comment. systemd reads it.
        if let Some(hash) = fields.iter().skip(4).find(|field| text[field.start] == b'#') {
            comment(matcher, text, hash.start..line.end, &mut findings);
        }
    }
    Ok(findings)
}
