//! The machine ID (machine-id(5)): draws a new one, and changes the copy that D-Bus has of it. Boot entries either
//! keep the old ID in their names or get the new one.
//!
//! The file is never emptied. With an empty file, the next boot takes the ID from the firmware, which a clone may
//! share, or counts as the first boot and enables units that were disabled (machine-id(5), First Boot Semantics).

mod arguments;
mod change;
mod ids;
mod renamed;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entries::{self, Way};
use super::hexadecimal;
use crate::change::Change;
use crate::exit::refuse;
use crate::guest::kernels::{Generator, generator};
use crate::guest::root::Root;
use crate::plan::Warning;
use crate::transaction::record::SavedChange;

/// The word under which journals keep this kind.
pub const KIND: &str = "machine-id";

/// systemd's file.
const FILE: &str = "/etc/machine-id";

/// D-Bus's file, usually a link to systemd's (dbus-uuidgen(1)).
const COPY: &str = "/var/lib/dbus/machine-id";

/// Another machine ID.
#[derive(Debug)]
pub struct Renewal {
    kept: Kept,
    /// Whether images may contain the old ID.
    in_images: bool,
}

/// What a journal keeps of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// The ID before.
    old: String,
    /// The ID after.
    new: String,
    /// What happens to the entry token. `None` if it stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<Token>,
    /// Paths that are named after the old ID and get the new one. Empty if boot entries keep their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    entries: Vec<PathBuf>,
}

/// What happens to the entry token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Token {
    /// It is created with the old ID.
    Write,
    /// It is removed, if it still contains the new ID.
    Remove,
}

/// Reads what a journal keeps of the change.
///
/// # Errors
/// Something that no postclone has written.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Kept = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading the change of a machine ID")?;
    if let Some(id) = [&kept.old, &kept.new].into_iter().find(|id| !is_id(id)) {
        bail!("`{}` is not a machine ID", id.escape_debug());
    }
    let bears = |path: &&PathBuf| entries::renamed(path, &kept.old, &kept.new).is_none();
    if let Some(path) = kept.entries.iter().find(bears) {
        bail!("`{}` does not contain the machine ID {}", path.display(), kept.old);
    }
    Ok(Box::new(Renewal { kept, in_images: false }))
}

/// The renewal that is due, or a warning that says why there is none. `draw` returns the new ID.
///
/// # Errors
/// Something that would break under another ID.
pub fn find(
    root: &Root,
    draw: impl FnOnce() -> Result<String>,
) -> Result<(Option<Renewal>, Vec<Warning>)> {
    let Some(text) = root.read(Path::new(FILE)).map_err(refuse)? else {
        let text = "it does not exist, and the next boot creates it: nothing to renew";
        return Ok((None, vec![Warning::about(Path::new(FILE), text)]));
    };
    let text = String::from_utf8_lossy(&text.bytes).trim().to_owned();
    if !is_id(&text) {
        let held =
            if text.is_empty() { "it is empty".to_owned() } else { format!("it holds `{text}`") };
        let text = format!("{held}, and the next boot gives the machine an ID: nothing to renew");
        return Ok((None, vec![Warning::about(Path::new(FILE), text)]));
    }
    names_no_group(root)?;
    let (token, entries) = names(root, &text)?;
    let kept = Kept { old: text, new: draw()?, token, entries };
    let in_images = are_in_images(root, &kept.old)?;
    Ok((Some(Renewal { kept, in_images }), Vec::new()))
}

/// Whether images may contain the ID. dracut's do, and so do unified kernel images whose command line gives the ID to
/// systemd.
fn are_in_images(root: &Root, id: &str) -> Result<bool> {
    let is_dracuts = generator(root) == Some(Generator::Dracut);
    Ok(is_dracuts || !arguments::unified_with(root, id)?.is_empty())
}

/// A new ID. It is a UUID of version 4, like those that systemd draws (sd_id128_randomize(3)).
///
/// # Errors
/// A kernel without random numbers.
pub fn draw() -> Result<String> {
    let mut bytes = [0_u8; 16];
    let filled = getrandom(&mut bytes[..], GetRandomFlags::empty());
    // getrandom(2) returns up to 256 bytes at once.
    if filled.context("generating a machine ID")? != bytes.len() {
        bail!("generating a machine ID: the kernel gave too few random bytes: try again");
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(hexadecimal(&bytes))
}

fn is_id(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 32 && text.bytes().all(is_digit) && text.bytes().any(|byte| byte != b'0')
}

/// Demands that LVM does not recognize its own groups by the ID. Under another ID, they would be another machine's.
fn names_no_group(root: &Root) -> Result<()> {
    for path in ["/etc/lvm/lvm.conf", "/etc/lvm/lvmlocal.conf"] {
        let text = root.read_text(path).unwrap_or_default();
        let by_id = text.lines().map(str::trim).find(|line| {
            !line.starts_with('#')
                && line.contains("system_id_source")
                && line.contains("machineid")
        });
        if by_id.is_some() {
            return Err(refuse(anyhow!(
                "`{path}` has system_id_source = \"machineid\": under another ID, LVM treats the volume groups as another machine's and does not activate them; set it to \"none\" and give the groups no system ID \
                 (`vgchange --systemid \"\" GROUP`), then run the command again"
            )));
        }
    }
    Ok(())
}

/// What happens to boot entries that are named after the ID: a token keeps their names, or these paths get other
/// names.
fn names(root: &Root, id: &str) -> Result<(Option<Token>, Vec<PathBuf>)> {
    let is_named = entries::named_after(root, id).map_err(refuse)?.is_some();
    if !is_named || entries::token(root).map_err(refuse)?.is_some() {
        return Ok((None, Vec::new()));
    }
    Ok(match entries::way(root, id)? {
        Way::Token => (Some(Token::Write), Vec::new()),
        Way::Renamed(paths) => (None, paths),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_4() {
        let ids: Vec<String> = (0..64).map(|_| draw().unwrap()).collect();
        for id in &ids {
            assert!(is_id(id), "{id}");
            assert_eq!(&id[12..13], "4", "{id}");
            assert!("89ab".contains(&id[16..17]), "{id}");
        }
        assert_ne!(ids[0], ids[1]);
    }

    #[test]
    fn what_is_no_id_is_told() {
        let id = "0123456789abcdef0123456789abcdef";
        assert!(is_id(id));
        for text in ["", "uninitialized", &id[1..], &id.to_uppercase(), &"0".repeat(32)] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn what_no_postclone_wrote_is_refused() {
        let saved = |new: &str, token: &str| {
            let text = format!(
                r#"{{"kind":"machine-id","old":"{}","new":"{new}","token":"{token}"}}"#,
                "a".repeat(32)
            );
            of(&serde_json::from_str(&text).unwrap())
        };
        let said = format!("{:#}", saved("../../x", "write").unwrap_err());
        assert!(said.contains("is not a machine ID"), "{said}");
        let text = format!(
            r#"{{"kind":"machine-id","old":"{}","new":"{}","entries":["/etc/passwd"]}}"#,
            "a".repeat(32),
            "b".repeat(32)
        );
        let said = format!("{:#}", of(&serde_json::from_str(&text).unwrap()).unwrap_err());
        assert!(said.contains("`/etc/passwd` does not contain the machine ID aaaa"), "{said}");
        let change = saved(&"b".repeat(32), "write").unwrap();
        let act = |step: &str, token: &str| {
            let text = format!(r#"{{"step":"{step}","token":"{token}"}}"#);
            change.phase(&serde_json::from_str(&text).unwrap()).map_err(|error| error.to_string())
        };
        assert!(act("keep-entry-token", &"a".repeat(32)).is_ok());
        for (step, token) in [("keep-entry-token", "x"), ("drop-entry-token", &"b".repeat(32))] {
            let said = act(step, token).unwrap_err();
            assert!(
                said.contains(
                    "it concerns a different entry token than the plan, or different boot entries"
                ),
                "{said}"
            );
        }
    }
}
