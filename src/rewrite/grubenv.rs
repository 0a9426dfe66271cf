//! GRUB's environment block: it has a fixed size and is padded with `#` (grub-core/lib/envblk.c).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use super::edit::{Edit, Findings, Form};
use super::matcher::Matcher;
use super::scan::{GRUB, scan};

/// The first line of every block.
const SIGNATURE: &[u8] = b"# GRUB Environment Block\n";

/// Rewrites values (`kernelopts=`, `saved_entry=`). The padding makes up for the difference in length.
///
/// # Errors
/// If the new names need more room than the padding leaves, or if the file is not an environment block.
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

/// The edit of the padding that keeps the size of the block after the other edits.
pub(crate) fn padding_edit(text: &[u8], edits: &[Edit]) -> Result<Option<Edit>> {
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

/// The present block, with the values from `wanted` for the keys that a run changed. GRUB itself changes
/// the block at each boot (`boot_success`, `next_entry`). These values stay.
///
/// `sides` are the texts before and after the run. A key whose value differs between them is one of the
/// run's. None if the block matches neither side in these keys, or if it has too little room.
pub fn with_values_of(now: &[u8], sides: &[Vec<u8>], wanted: &[u8]) -> Option<Vec<u8>> {
    let (present, wanted) = (variables(now)?, variables(wanted)?);
    let sides: Vec<Variables> = sides.iter().map(|side| variables(side)).collect::<Option<_>>()?;
    let differs = |key: &&[u8]| sides.iter().any(|side| side.get(*key) != sides[0].get(*key));
    let ours: BTreeSet<&[u8]> =
        sides.iter().flat_map(|side| side.keys().copied()).filter(differs).collect();
    let is_at = |side: &Variables| ours.iter().all(|key| side.get(key) == present.get(key));
    if !sides.iter().any(is_at) {
        return None;
    }
    let mut text = SIGNATURE.to_vec();
    let mut put = |key: &[u8], value: &[u8]| text.extend([key, b"=", value, b"\n"].concat());
    for line in lines_of(now)? {
        let (key, value) = line?;
        match wanted.get(key) {
            _ if !ours.contains(key) => put(key, value),
            Some(value) => put(key, value),
            None => {}
        }
    }
    for key in ours.iter().filter(|key| !present.contains_key(*key)) {
        if let Some(value) = wanted.get(key) {
            put(key, value);
        }
    }
    let padding = now.len().checked_sub(text.len())?;
    text.extend(std::iter::repeat_n(b'#', padding));
    Some(text)
}

type Variables<'a> = BTreeMap<&'a [u8], &'a [u8]>;

fn variables(text: &[u8]) -> Option<Variables<'_>> {
    lines_of(text)?.collect()
}

/// Keys and values, up to the padding. None if the file is not an environment block. A line without `=`
/// gives none.
fn lines_of(text: &[u8]) -> Option<impl Iterator<Item = Option<(&[u8], &[u8])>>> {
    let body = text.strip_prefix(SIGNATURE)?;
    let end = body.iter().rposition(|byte| *byte != b'#').map_or(0, |at| at + 1);
    let lines = body[..end].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Some(lines.map(|line| {
        let at = line.iter().position(|byte| *byte == b'=')?;
        Some((&line[..at], &line[at + 1..]))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(lines: &str) -> Vec<u8> {
        let mut text = SIGNATURE.to_vec();
        text.extend(lines.as_bytes());
        text.resize(1024, b'#');
        text
    }

    #[test]
    fn what_grub_stamps_stays_and_the_runs_values_go_back() {
        let before = block("kernelopts=root=/dev/a-b/root ro\nboot_success=0\n");
        let after = block("kernelopts=root=/dev/c/root ro\nboot_success=0\n");
        let sides = [before.clone(), after.clone()];
        let now = block("kernelopts=root=/dev/c/root ro\nboot_success=1\nnext_entry=2\n");
        let back = with_values_of(&now, &sides, &before).unwrap();
        let wanted = block("kernelopts=root=/dev/a-b/root ro\nboot_success=1\nnext_entry=2\n");
        assert_eq!(back, wanted);
        assert_eq!(with_values_of(&back, &sides, &after).unwrap(), now);
        let edited = block("kernelopts=root=/dev/c/root ro quiet\nboot_success=1\n");
        assert_eq!(with_values_of(&edited, &sides, &before), None);
        assert_eq!(with_values_of(b"no block", &sides, &before), None);
    }
}
