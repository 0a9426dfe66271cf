//! References to a file system or swap area by its UUID.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::KIND;
use crate::guest::root::Root;
use crate::plan::{Rewriter, Rewritten};
use crate::rewrite::edit::{Edit, Form};
use crate::rewrite::{PLACES, Place, Treatment, grubenv, is_at};

/// The text before a UUID that names a device (fstab(5), systemd rules.d/60-persistent-storage.rules).
const TAG: &[u8] = b"UUID=";
const LINK: &[u8] = b"/dev/disk/by-uuid/";

/// One UUID, and what replaces it.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub(super) from: String,
    pub(super) to: To,
}

/// What replaces a UUID.
#[derive(Debug, Clone)]
pub(super) enum To {
    /// Another UUID.
    Uuid(String),
    /// The device's path. It replaces the whole token.
    Path(String),
}

/// Rewrites the UUIDs in the places that are rewritten for a group, too.
#[derive(Debug)]
pub(super) struct References(pub(super) Vec<Reference>);

/// Whether a place's files are rewritten.
fn is_rewritten(place: &Place) -> bool {
    !matches!(place.treatment, Treatment::Reported(_))
}

/// Patterns of the places that are reported and not rewritten.
fn reported() -> impl Iterator<Item = &'static str> {
    PLACES.iter().filter(|place| !is_rewritten(place)).map(|place| place.pattern)
}

/// The first place that contains the UUID and is not rewritten: a reported place, or a unit named after the UUID.
pub(super) fn is_told_of(root: &Root, uuid: &str) -> Result<Option<PathBuf>> {
    let escaped = uuid.replace('-', "\\x2d");
    let holder = |path: &Path, text: &str| {
        let source = root.read(path).ok().flatten()?;
        source
            .bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
            .then_some(source.path)
    };
    for pattern in reported() {
        for path in root.glob(pattern)? {
            if let Some(found) = holder(&path, uuid) {
                return Ok(Some(found));
            }
        }
    }
    for path in root.glob("etc/systemd/system/**/*")? {
        if path.to_string_lossy().contains(&escaped) {
            return Ok(Some(path));
        }
        if let Some(found) = holder(&path, &escaped) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

impl Rewriter for References {
    fn patterns(&self) -> Vec<String> {
        let places = PLACES.iter().filter(|place| is_rewritten(place));
        places.map(|place| place.pattern.to_owned()).collect()
    }

    fn rewrite(&self, path: &Path, text: &[u8]) -> Result<Rewritten> {
        let inner = path.strip_prefix("/").unwrap_or(path).to_string_lossy();
        let place = PLACES.iter().find(|place| is_rewritten(place) && is_at(place, &inner));
        let kind = place.map_or(KIND, |place| place.kind);
        let mut found = Rewritten::nothing(kind);
        for reference in &self.0 {
            found.edits.extend(edits(reference, text));
        }
        found.edits.sort_by_key(|edit| edit.range.start);
        if kind == "grubenv" {
            found.edits.extend(grubenv::padding_edit(text, &found.edits)?);
        }
        Ok(found)
    }
}

/// The edits of one UUID's tokens.
fn edits(reference: &Reference, text: &[u8]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for at in places(text, reference.from.as_bytes()) {
        let token = token(text, &at);
        let edit = |range: Range<usize>, new: &str| Edit {
            range,
            new: new.as_bytes().to_vec(),
            token: token.clone(),
            form: Form::FsUuid,
            volume: None,
        };
        match &reference.to {
            To::Uuid(new) => edits.push(edit(at.clone(), new)),
            // A comment describes the past. A path cannot replace a UUID without `UUID=` or a directory before it.
            To::Path(_) if token == at || is_comment(text, at.start) => {}
            To::Path(path) => edits.push(edit(token.clone(), path)),
        }
    }
    edits
}

/// Where a UUID is a whole word.
fn places(text: &[u8], uuid: &[u8]) -> Vec<Range<usize>> {
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].windows(uuid.len()).position(|window| window == uuid) {
        let range = from + at..from + at + uuid.len();
        let before = range.start.checked_sub(1).and_then(|before| text.get(before));
        if !before.is_some_and(is_inner) && !text.get(range.end).is_some_and(is_inner) {
            found.push(range.clone());
        }
        from = range.end;
    }
    found
}

/// The whole token around a UUID: with `UUID=`, its quotes, or the directory of links.
pub(super) fn token(text: &[u8], uuid: &Range<usize>) -> Range<usize> {
    let before = &text[..uuid.start];
    if before.ends_with(LINK) {
        return uuid.start - LINK.len()..uuid.end;
    }
    for quote in [b"".as_slice(), b"\"", b"'"] {
        let ends = text[uuid.end..].starts_with(quote);
        if let Some(tag) = before.strip_suffix(quote).filter(|tag| ends && tag.ends_with(TAG)) {
            let start = tag.len() - TAG.len();
            // `PARTUUID=` ends alike, and is about a partition.
            let is_own = start == 0 || !text[start - 1].is_ascii_alphanumeric();
            if is_own {
                return start..uuid.end + quote.len();
            }
        }
    }
    uuid.clone()
}

fn is_comment(text: &[u8], at: usize) -> bool {
    let start = text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    text[start..].trim_ascii_start().starts_with(b"#")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rewrite::edit::apply;

    const OLD: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
    const NEW: &str = "11111111-2222-4333-8444-555555555555";

    fn rewritten(path: &str, text: &str, to: To) -> String {
        let references = References(vec![Reference { from: OLD.to_owned(), to }]);
        let found = references.rewrite(Path::new(path), text.as_bytes()).unwrap();
        String::from_utf8(apply(text.as_bytes(), &found.edits)).unwrap()
    }

    #[test]
    fn a_partition_gets_another_uuid_wherever_it_is_named() {
        for line in [
            "UUID=OLD /boot ext2 defaults 0 2\n",
            "UUID=\"OLD\" /boot ext2 defaults 0 2\n",
            "/dev/disk/by-uuid/OLD /boot ext2 defaults 0 2\n",
            "\tsearch --no-floppy --fs-uuid --set=root OLD\n",
            "search.fs_uuid OLD root hd0,gpt2 \n",
            "# /boot was UUID=OLD\n",
        ] {
            let text = rewritten(
                "/boot/grub/grub.cfg",
                &line.replace("OLD", OLD),
                To::Uuid(NEW.to_owned()),
            );
            assert_eq!(text, line.replace("OLD", NEW));
        }
    }

    #[test]
    fn a_volume_is_named_by_its_path() {
        let path = "/dev/mapper/web01--vg-root";
        for (line, expected) in [
            ("UUID=OLD / ext4 defaults 0 1\n", "PATH / ext4 defaults 0 1\n"),
            ("UUID=\"OLD\" / ext4 defaults 0 1\n", "PATH / ext4 defaults 0 1\n"),
            ("/dev/disk/by-uuid/OLD / ext4\n", "PATH / ext4\n"),
            ("linux /vmlinuz root=UUID=OLD ro\n", "linux /vmlinuz root=PATH ro\n"),
            ("RESUME=UUID=OLD\n", "RESUME=PATH\n"),
            ("# root was UUID=OLD\n", "# root was UUID=OLD\n"),
            ("search --fs-uuid --set=root OLD\n", "search --fs-uuid --set=root OLD\n"),
        ] {
            let text =
                rewritten("/etc/fstab", &line.replace("OLD", OLD), To::Path(path.to_owned()));
            assert_eq!(text, expected.replace("OLD", OLD).replace("PATH", path));
        }
    }

    #[test]
    fn what_is_no_uuid_of_ours_stays() {
        for line in ["PARTUUID=OLD / ext4\n", "UUID=OLD0 / ext4\n", "UUID=x-OLD / ext4\n"] {
            let line = line.replace("OLD", OLD);
            let by_path = rewritten("/etc/fstab", &line, To::Path("/dev/mapper/x".to_owned()));
            assert_eq!(by_path, line);
        }
    }

    proptest! {
        #[test]
        fn there_and_back_is_identity(parts in prop::collection::vec("[ =/a-f0-9\n\"#-]{0,12}", 0..8)) {
            let text = parts.join(OLD);
            let there = rewritten("/etc/fstab", &text, To::Uuid(NEW.to_owned()));
            let back = References(vec![Reference { from: NEW.to_owned(), to: To::Uuid(OLD.to_owned()) }]);
            let found = back.rewrite(Path::new("/etc/fstab"), there.as_bytes()).unwrap();
            prop_assert_eq!(apply(there.as_bytes(), &found.edits), text.as_bytes());
        }
    }
}
