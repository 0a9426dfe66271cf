//! GRUB's environment block: a fixed size, padded with `#` (grub-core/lib/envblk.c).

use std::cmp::Ordering;

use anyhow::{Result, bail};

use super::edit::{Edit, Findings, Form};
use super::matcher::Matcher;
use super::scan::{GRUB, scan};

/// The first line of every block.
const SIGNATURE: &[u8] = b"# GRUB Environment Block\n";

/// Rewrites values (`kernelopts=`, `saved_entry=`) and takes the difference from the padding.
///
/// # Errors
/// Where the new names need more room than the padding leaves, or the file is no block.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    let padding = text.iter().rposition(|byte| *byte != b'#').map_or(0, |at| at + 1);
    scan(matcher, text, 0..padding, GRUB, &mut findings);
    if findings.edits.is_empty() {
        return Ok(findings);
    }
    if !text.starts_with(SIGNATURE) {
        bail!(
            "the file names the group, but its first line is not `# GRUB Environment Block`: it cannot be edited safely"
        );
    }
    findings.edits.extend(padding_edit(text, &findings.edits)?);
    Ok(findings)
}

/// The edit of the padding that makes up for what the others add or take.
pub(super) fn padding_edit(text: &[u8], edits: &[Edit]) -> Result<Option<Edit>> {
    let padding = text.iter().rposition(|byte| *byte != b'#').map_or(0, |at| at + 1);
    let old: usize = edits.iter().map(|edit| edit.range.len()).sum();
    let new: usize = edits.iter().map(|edit| edit.new.len()).sum();
    let room = text.len() - padding;
    let Some(left) = (room + old).checked_sub(new) else {
        bail!(
            "the environment block has {} bytes, {room} of them free, and the new name needs {} more: \
             choose a shorter name, or make room with `grub-editenv`",
            text.len(),
            new - old
        );
    };
    let (range, new) = match left.cmp(&room) {
        Ordering::Equal => return Ok(None),
        Ordering::Less => (padding + left..text.len(), Vec::new()),
        Ordering::Greater => (text.len()..text.len(), vec![b'#'; left - room]),
    };
    Ok(Some(Edit { token: range.clone(), range, new, form: Form::Padding, volume: None }))
}
