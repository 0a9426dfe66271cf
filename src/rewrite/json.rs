//! JSON (RFC 8259): device paths in strings. Docker's daemon.json and targetcli's saveconfig.json.

use std::ops::Range;

use anyhow::Result;

use super::decoded::{backslashes, record_decoded, scan_decoded};
use super::edit::{Findings, Form};
use super::matcher::Matcher;
use super::scan::PATHS;

/// Docker accepts the name of its thin pool with or without the directory (moby
/// daemon/graphdriver/devmapper/deviceset.go).
const THIN_POOL: &[u8] = b"dm.thinpooldev=";

/// Rewrites device paths in strings and keys, and the bare dm name of the thin pool.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut at = 0;
    while let Some(quote) = text[at..].iter().position(|byte| *byte == b'"') {
        let inside = string(text, at + quote + 1);
        let mut decoded = backslashes(text, inside.clone());
        let bytes: Vec<u8> = decoded.iter().map(|(byte, _)| *byte).collect();
        if bytes.starts_with(THIN_POOL) && bytes.get(THIN_POOL.len()) != Some(&b'/') {
            decoded.drain(..THIN_POOL.len());
            let compare = |name: &[u8]| matcher.dm_name(name, Form::DmName);
            record_decoded(text, &decoded, compare, &mut findings);
        } else {
            scan_decoded(matcher, text, &decoded, PATHS, &mut findings);
        }
        at = (inside.end + 1).min(text.len());
    }
    Ok(findings)
}

/// The string up to its closing quote, or to the end of the line.
fn string(text: &[u8], start: usize) -> Range<usize> {
    let mut at = start;
    while at < text.len() && !matches!(text[at], b'"' | b'\n') {
        at += if text[at] == b'\\' && text.get(at + 1) != Some(&b'\n') { 2 } else { 1 };
    }
    start..at.min(text.len())
}
