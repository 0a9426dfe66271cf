//! The bridge of partitions whose file systems get another UUID. Meanwhile, files name them by the UUID of
//! the partition, and GRUB searches for both UUIDs.

use std::collections::BTreeMap;

use super::edit::{Edit, Form};
use super::lines::LineIndex;

/// What replaces the UUID of a file system while it changes. The key is the old UUID.
pub type StandIns = BTreeMap<String, StandIn>;

/// The replacement for one UUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// The UUID of its partition, in the partition table.
    pub partition: String,
    /// The new UUID.
    pub new: String,
}

/// The kinds of files that the boot itself reads line by line, and that name file systems by UUID.
const READ: &[&str] = &[
    "fstab",
    "grub-cfg",
    "grub-include",
    "grub-legacy",
    "bls-entry",
    "extlinux",
    "syslinux",
    "refind",
    "refind-linux",
    "limine",
    "elilo",
    "xen-loader",
    "kernel-arguments",
    "systemd-mount",
];

/// The edits of a file for the bridge.
///
/// # Errors
/// Why there is no bridge: the boot needs something that has no other spelling.
pub fn edits(
    kind: &str,
    text: &[u8],
    edits: &[Edit],
    stand_ins: &StandIns,
) -> Result<Vec<Edit>, String> {
    let own = edits.iter().filter(|edit| edit.form == Form::FsUuid);
    let lines = LineIndex::new(text);
    let mut bridge = Vec::new();
    for edit in own {
        let token = String::from_utf8_lossy(&text[edit.token.clone()]).into_owned();
        let Some((old, stand_in)) = stand_ins.iter().find(|(old, _)| token.contains(*old)) else {
            // The UUID of a volume changes later. On the bridge, the old one is still valid.
            continue;
        };
        let line = lines.range(lines.line_of(edit.token.start));
        let before = &text[line.start..edit.token.start];
        if before.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        if kind == "grubenv" {
            return Err(format!("GRUB's environment block has the UUID {old}"));
        }
        if !READ.contains(&kind) {
            continue;
        }
        let new = if token == *old {
            searched_too(before, &text[edit.token.end..line.end], old, &stand_in.new)?
        } else {
            let token = token.replace("/by-uuid/", "/by-partuuid/").replace("UUID=", "PARTUUID=");
            token.replace(old, &stand_in.partition)
        };
        bridge.push(Edit { range: edit.token.clone(), new: new.into_bytes(), ..edit.clone() });
    }
    Ok(bridge)
}

/// Lets GRUB's `search` look for one UUID and then for the other. A search that finds nothing leaves its
/// variable unchanged (grub-core/commands/search.c).
fn searched_too(before: &[u8], rest: &[u8], old: &str, new: &str) -> Result<String, String> {
    let command = before.trim_ascii_start();
    let is_search = command.starts_with(b"search ") || command.starts_with(b"search.fs_uuid ");
    match (std::str::from_utf8(before), std::str::from_utf8(rest.trim_ascii_end())) {
        (Ok(before), Ok(rest)) if is_search && !rest.contains(['{', '}', ';', '\\']) => {
            Ok(format!("{old}{rest}\n{before}{new}"))
        }
        _ => Err(format!("the UUID {old} is in a place where it has no other spelling")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::edit::apply;
    use super::*;

    const OLD: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
    const NEW: &str = "11111111-2222-4333-8444-555555555555";

    fn bridged(kind: &str, text: &str, token: &str) -> Result<String, String> {
        let text = text.replace("OLD", OLD);
        let token = token.replace("OLD", OLD);
        let start = text.find(&token).unwrap();
        let edit = Edit {
            range: start..start + token.len(),
            token: start..start + token.len(),
            new: NEW.into(),
            form: Form::FsUuid,
            volume: None,
        };
        let stand_in = StandIn { partition: "beef-01".to_owned(), new: NEW.to_owned() };
        let stand_ins = StandIns::from([(OLD.to_owned(), stand_in)]);
        let edits = edits(kind, text.as_bytes(), &[edit], &stand_ins)?;
        Ok(String::from_utf8(apply(text.as_bytes(), &edits)).unwrap())
    }

    #[test]
    fn a_partition_is_named_by_its_own_uuid() {
        for (kind, text, token, expected) in [
            ("fstab", "UUID=OLD /boot ext2\n", "UUID=OLD", "PARTUUID=beef-01 /boot ext2\n"),
            (
                "fstab",
                "/dev/disk/by-uuid/OLD /boot ext2\n",
                "/dev/disk/by-uuid/OLD",
                "/dev/disk/by-partuuid/beef-01 /boot ext2\n",
            ),
            (
                "grub-cfg",
                "\tlinux /v root=UUID=OLD ro\n",
                "UUID=OLD",
                "\tlinux /v root=PARTUUID=beef-01 ro\n",
            ),
            ("default-grub", "X=UUID=OLD\n", "UUID=OLD", "X=UUID=OLD\n"),
            ("fstab", "# UUID=OLD\n", "UUID=OLD", "# UUID=OLD\n"),
        ] {
            assert_eq!(bridged(kind, text, token).unwrap(), expected.replace("OLD", OLD));
        }
    }

    #[test]
    fn grub_searches_for_both() {
        for (text, expected) in [
            (
                "\tsearch --no-floppy --fs-uuid --set=root OLD\n}\n",
                "\tsearch --no-floppy --fs-uuid --set=root OLD\n\tsearch --no-floppy --fs-uuid --set=root NEW\n}\n",
            ),
            (
                "search.fs_uuid OLD root hd0,gpt2 \nset prefix\n",
                "search.fs_uuid OLD root hd0,gpt2\nsearch.fs_uuid NEW root hd0,gpt2 \nset prefix\n",
            ),
        ] {
            let text = bridged("grub-cfg", text, "OLD").unwrap();
            assert_eq!(text, expected.replace("OLD", OLD).replace("NEW", NEW));
        }
        for (kind, text) in [("grub-cfg", "set x=OLD\n"), ("grubenv", "root=OLD\n")] {
            assert!(bridged(kind, text, "OLD").is_err(), "{text}");
        }
    }
}
