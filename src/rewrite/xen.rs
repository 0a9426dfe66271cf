//! Xen's domains (xl.cfg(5), xl-disk-configuration(5)).

use std::sync::LazyLock;

use anyhow::Result;
use regex::bytes::Regex;

use super::edit::Findings;
use super::elsewhere::GUEST;
use super::matcher::Matcher;
use super::scan::{KERNEL, record, scan};

/// A disk by its path relative to /dev. Xen's block script puts `/dev/` before it (xen
/// tools/hotplug/Linux/xen-hotplug-common.sh, `canonicalise_mode` and `expand_dev`).
static DISK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u)\bphy:([A-Za-z0-9._+-][A-Za-z0-9._+/-]*)").expect("the pattern is a constant")
});

/// Arguments of the guest's kernel, which name the guest's own volumes.
static ARGUMENTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m-u)^[ \t]*(?:root|extra|cmdline)[ \t]*=.*$").expect("the pattern is a constant")
});

/// Rewrites `phy:VG/LV`, and device paths outside the arguments of the guest's kernel.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    scan(matcher, text, 0..text.len(), KERNEL, &mut findings);
    for disk in DISK.captures_iter(text).filter_map(|disk| disk.get(1)) {
        record(&mut findings, matcher.below_dev(disk.as_bytes()), disk.range());
    }
    findings.edits.sort_by_key(|edit| edit.range.start);
    let arguments: Vec<_> = ARGUMENTS.find_iter(text).map(|line| line.range()).collect();
    findings.leave(GUEST, |token| arguments.iter().any(|line| line.contains(&token.start)));
    Ok(findings)
}
