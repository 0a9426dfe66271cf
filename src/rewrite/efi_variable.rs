//! The firmware's boot entries: UTF-16LE text inside binary data (UEFI specification, 3.1.3,
//! EFI_LOAD_OPTION).

use anyhow::Result;

use super::edit::{Edit, Findings, Left};
use super::matcher::Matcher;
use super::scan::{KERNEL, scan};

/// Finds kernel arguments in an entry that boots a kernel without a boot loader. The place is only
/// reported.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    // The arguments follow a device path of any length, so they may begin at an odd byte.
    for start in [0, 1] {
        let characters: Vec<u8> = text
            .get(start..)
            .unwrap_or_default()
            .chunks_exact(2)
            .map(|pair| if pair[1] == 0 { pair[0] } else { 0xff })
            .collect();
        let mut found = Findings::default();
        scan(matcher, &characters, 0..characters.len(), KERNEL, &mut found);
        let written =
            |range: std::ops::Range<usize>| start + 2 * range.start..start + 2 * range.end;
        findings.edits.extend(found.edits.into_iter().map(|edit| Edit {
            range: written(edit.range),
            token: written(edit.token),
            new: edit.new.iter().flat_map(|byte| [*byte, 0]).collect(),
            ..edit
        }));
        let left = found.left.into_iter();
        findings.left.extend(left.map(|left| Left { token: written(left.token), ..left }));
    }
    findings.edits.sort_by_key(|edit| edit.range.start);
    Ok(findings)
}
