//! The bridge of a mount unit.

use super::bridge::{Uuids, by_uuid};
use super::edit::{Edit, Form, apply};
use super::lines::lines;
use super::unit_file;
use crate::names::unit;

/// Names `What=` of a mount, and the units that it waits for, by UUID. systemd runs everything else after
/// the mounts.
///
/// A swap unit must be named after its device (systemd.swap(5)). It stays, and the system boots without
/// it.
pub fn text(text: &[u8], edits: &[Edit], uuids: &Uuids) -> Result<Option<Vec<u8>>, String> {
    if lines(text).any(|line| text[line].trim_ascii() == b"[Swap]") {
        return Ok(None);
    }
    let mut bridge = Vec::new();
    for edit in edits {
        let key = unit_file::key_of(text, edit.token.start);
        match key {
            Some(b"What") => bridge.push(by_link(edit, uuids, &text[edit.token.clone()])?),
            Some(_) if edit.form == Form::UnitName => {
                bridge.push(by_link(edit, uuids, &text[edit.token.clone()])?);
            }
            Some(b"Options") => return Err("an option of a mount unit names a volume".to_owned()),
            _ => {}
        }
    }
    Ok((!bridge.is_empty()).then(|| apply(text, &bridge)))
}

/// The link that udev creates for the UUID of a file system (systemd rules.d/60-persistent-storage.rules),
/// as a path or as a unit name.
fn by_link(edit: &Edit, uuids: &Uuids, token: &[u8]) -> Result<Edit, String> {
    let by_uuid = by_uuid(edit, uuids)?;
    let uuid = String::from_utf8_lossy(&by_uuid.new["UUID=".len()..]).into_owned();
    let link = format!("/dev/disk/by-uuid/{uuid}");
    let new = if edit.form == Form::UnitName {
        let suffix = token.iter().rposition(|byte| *byte == b'.').unwrap_or(token.len());
        format!("{}{}", unit::escape_path(&link), String::from_utf8_lossy(&token[suffix..]))
    } else {
        link
    };
    Ok(Edit { new: new.into_bytes(), ..by_uuid })
}
