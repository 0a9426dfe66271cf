//! The bridge of files that an initramfs image contains a copy of. Before the group is renamed, images are
//! built from these texts. They boot under either name.

use super::bridge::{Uuids, by_uuid};
use super::edit::{Edit, apply};
use super::lines::LineIndex;
use super::lvm_conf;

/// Whether images contain copies of files of this kind.
pub fn concerns(kind: &str) -> bool {
    matches!(kind, "crypttab" | "lvm-conf" | "initramfs-conf")
}

/// Whether the boot depends on the image's copy, so that the bridge needs images of its own. A stale
/// `RESUME=` only costs a wait of 30 s (initramfs-tools scripts/local).
pub fn needs_images(kind: &str, text: &[u8], edits: &[Edit]) -> bool {
    let lines = LineIndex::new(text);
    matches!(kind, "crypttab" | "lvm-conf")
        && edits.iter().any(|edit| edit.form.is_of_volumes() && !is_comment(text, &lines, edit))
}

/// The file's text on the bridge, or nothing if it stays unchanged.
///
/// # Errors
/// Why there is no such text.
pub fn text(
    kind: &str,
    text: &[u8],
    edits: &[Edit],
    uuids: &Uuids,
) -> Result<Option<Vec<u8>>, String> {
    if kind == "lvm-conf" {
        let bridge = lvm_conf::with_both_names(text, edits)?;
        return Ok((!bridge.is_empty()).then(|| apply(text, &bridge)));
    }
    let lines = LineIndex::new(text);
    let mut bridge = Vec::new();
    for edit in edits.iter().filter(|edit| !is_comment(text, &lines, edit)) {
        let before = &text[lines.range(lines.line_of(edit.token.start)).start..edit.token.start];
        match kind {
            "crypttab" => bridge.push(source(edit, before, uuids)?),
            _ if before.ends_with(b"RESUME=") => bridge.extend(by_uuid(edit, uuids).ok()),
            _ => {}
        }
    }
    Ok((!bridge.is_empty()).then(|| apply(text, &bridge)))
}

fn is_comment(text: &[u8], lines: &LineIndex, edit: &Edit) -> bool {
    text[lines.range(lines.line_of(edit.token.start))].trim_ascii_start().starts_with(b"#")
}

/// crypttab(5): names the source in the second field by the UUID of its LUKS header.
fn source(edit: &Edit, before: &[u8], uuids: &Uuids) -> Result<Edit, String> {
    let fields = before.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    if fields.count() == 1 && before.last().is_some_and(u8::is_ascii_whitespace) {
        return by_uuid(edit, uuids);
    }
    Err("a key or an option in /etc/crypttab names a volume".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::{LvName, VgName};
    use crate::rewrite::matcher::{Matcher, Volumes};
    use crate::rewrite::{Rewrite, crypttab, lvm_conf, text as whole};

    fn bridged(kind: &str, rewrite: Rewrite, input: &str) -> Result<String, String> {
        let name = |name| VgName::new(name).unwrap();
        let matcher = Matcher::new(name("a-b"), name("c"), Volumes::ByForm, BTreeSet::new());
        let edits = rewrite(&matcher, input.as_bytes()).unwrap().edits;
        let uuids = Uuids::from([(LvName::new("root").unwrap(), "R-1".to_owned())]);
        let text = text(kind, input.as_bytes(), &edits, &uuids)?;
        Ok(String::from_utf8(text.unwrap_or_else(|| input.as_bytes().to_vec())).unwrap())
    }

    #[test]
    fn sources_of_mappings_by_uuid() {
        let text = "# /dev/a-b/root\nx\t/dev/mapper/a--b-root  none luks\ny UUID=1 none luks\n";
        assert_eq!(
            bridged("crypttab", crypttab::rewrite, text).unwrap(),
            "# /dev/a-b/root\nx\tUUID=R-1  none luks\ny UUID=1 none luks\n"
        );
        for no_bridge in [
            "x /dev/a-b/home none luks\n",
            "x UUID=1 /dev/a-b/root luks\n",
            "x UUID=1 none header=/dev/a-b/root\n",
        ] {
            assert!(bridged("crypttab", crypttab::rewrite, no_bridge).is_err(), "{no_bridge}");
        }
    }

    #[test]
    fn volume_lists_with_both_names() {
        let text = "activation/volume_list = [ \"a-b\", \"a-b/root\",\"x\" ]\n";
        assert_eq!(
            bridged("lvm-conf", lvm_conf::rewrite, text).unwrap(),
            "activation/volume_list = [ \"a-b\", \"c\", \"a-b/root\", \"c/root\",\"x\" ]\n"
        );
        for (text, both) in [
            ("a/volume_list = 'a-b'\n", "a/volume_list = ['a-b', 'c']\n"),
            ("a/volume_list = [ a-b ]\n", "a/volume_list = [ \"a-b\", \"c\" ]\n"),
            (
                "filter = [ \"r|/dev/a-b/root|\", 'a|.*|' ]",
                "filter = [ \"r|/dev/a-b/root|\", \"r|/dev/c/root|\", 'a|.*|' ]",
            ),
            (
                "filter='r|/dev/a-b/root$|/dev/mapper/a--b-|'",
                "filter=['r|/dev/a-b/root$|/dev/mapper/a--b-|', 'r|/dev/c/root$|/dev/mapper/c-|']",
            ),
        ] {
            assert_eq!(bridged("lvm-conf", lvm_conf::rewrite, text).unwrap(), both);
        }
        let other = "devices/scan = [ \"/dev/a-b\" ]\n";
        assert!(bridged("lvm-conf", lvm_conf::rewrite, other).is_err());
    }

    #[test]
    fn resume_by_uuid_where_it_has_one() {
        let bridged = |text| bridged("initramfs-conf", whole::device_paths, text).unwrap();
        assert_eq!(bridged("RESUME=/dev/a-b/root\n"), "RESUME=UUID=R-1\n");
        assert_eq!(bridged("RESUME=/dev/a-b/swap\n"), "RESUME=/dev/a-b/swap\n");
    }
}
