//! Finds, in a boot loader's text, the names of files that are named after a machine ID.

use std::ops::Range;
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::names::{RESCUE, is_rescue, split};
use crate::rewrite::edit::{Edit, Form};
use crate::rewrite::lines::lines;

/// The ID in names: the old one, the new one, and the kinds of names that contain it.
#[derive(Debug, Clone)]
pub(in crate::renew) struct Names {
    from: String,
    to: String,
    /// Whether there is a directory of that name.
    directory: bool,
    /// Whether the name of dracut's rescue kernel or image contains it.
    rescue: bool,
}

/// Directories before the ID in a path that a boot loader or kernel-install writes. GRUB's paths may begin with a
/// device.
const BEFORE_DIRECTORY: &[&str] = &["", "/", "/boot/", "/efi/", "/boot/efi/"];

/// Directories before the name of an entry.
const BEFORE_ENTRY: &[&str] = &["loader/entries/", "efi/linux/"];

/// A kernel argument that overrides the machine ID (systemd(1)).
const ARGUMENT: &[u8] = b"systemd.machine_id=";

impl Names {
    /// For these paths, which contain the ID `from`.
    pub(in crate::renew) fn of(paths: &[PathBuf], from: &str, to: &str) -> Self {
        let is_directory =
            |path: &Path| split(path, from).is_some_and(|(_, below)| below.starts_with(from));
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            directory: paths.iter().any(|path| is_directory(path)),
            rescue: paths.iter().any(|path| is_rescue(path, from)),
        }
    }

    /// The edits that replace the ID in a text. Comments stay as they are.
    pub(in crate::renew) fn edits(&self, text: &[u8]) -> Vec<Edit> {
        let mut edits = Vec::new();
        for line in lines(text) {
            let content = &text[line.clone()];
            if content.trim_ascii_start().starts_with(b"#") {
                continue;
            }
            for at in memmem::find_iter(content, self.from.as_bytes()) {
                let found = at..at + self.from.len();
                if self.is_meant(content, &found) {
                    let range = line.start + found.start..line.start + found.end;
                    let new = self.to.clone().into_bytes();
                    let token = range.clone();
                    edits.push(Edit { range, new, token, form: Form::MachineId, volume: None });
                }
            }
        }
        edits
    }

    fn is_meant(&self, line: &[u8], found: &Range<usize>) -> bool {
        let (before, after) = (&line[..found.start], &line[found.end..]);
        let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        if is_part(before.last()) || is_part(after.first()) {
            return false;
        }
        if before.ends_with(RESCUE.as_bytes()) {
            return self.rescue;
        }
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'=(){},;>|".contains(byte);
        let start = before.iter().rposition(ends).map_or(0, |at| at + 1);
        let word = String::from_utf8_lossy(&before[start..]).into_owned();
        match after.first() {
            Some(b'/') => self.directory && BEFORE_DIRECTORY.contains(&word.as_str()),
            Some(b'-' | b'*') => {
                let word = word.to_lowercase();
                word.is_empty() || BEFORE_ENTRY.iter().any(|dir| word.ends_with(dir))
            }
            after if after.is_none_or(|byte| !byte.is_ascii_graphic()) => {
                before.ends_with(ARGUMENT) || before.trim_ascii() == b"machine-id"
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rewrite::edit::apply;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    fn names(from: &str, to: &str) -> Names {
        let paths = ["/boot/ID", "/boot/vmlinuz-0-rescue-ID"];
        let paths = paths.map(|path| PathBuf::from(path.replace("ID", from)));
        Names::of(&paths, from, to)
    }

    fn after(names: &Names, text: &str) -> String {
        let text = text.replace("ID", OLD);
        String::from_utf8(apply(text.as_bytes(), &names.edits(text.as_bytes()))).unwrap()
    }

    #[test]
    fn names_of_entries_and_their_places_change() {
        for line in [
            "linux /ID/5.10.0-9-amd64/linux",
            "initrd /ID/5.10/initrd.img /ID/5.10/microcode",
            "linux\t(hd0,gpt2)/boot/ID/5.10/linux",
            "machine-id ID",
            "machine-id\tID\r",
            "linux /vmlinuz-0-rescue-ID",
            "title Red Hat (0-rescue-ID) 8.10",
            "options root=/dev/a quiet systemd.machine_id=ID",
            "saved_entry=ID-4.18.0-553.el8_10.x86_64",
            "default ID-*",
            "default ID*",
            "set default=\"ID-5.1>0\"",
            "efi /EFI/Linux/ID-5.10.efi",
        ] {
            let text = format!("{line}\n");
            assert_eq!(after(&names(OLD, NEW), &text), text.replace("ID", NEW), "{line}");
        }
    }

    #[test]
    fn everything_else_stays() {
        for line in [
            "#default ID-*",
            "  # linux /ID/5.10/linux",
            "linux /old/ID/linux",
            "linux /ID-5.10/linux",
            "linux /xID/linux",
            "initrd /IDa/initrd",
            "options log=/var/log/journal/ID rd.id=ID",
            "title ID",
            "machine-id 0ID",
        ] {
            let text = format!("{line}\n");
            assert_eq!(after(&names(OLD, NEW), &text), text.replace("ID", OLD), "{line}");
        }
    }

    #[test]
    fn what_bears_no_such_name_is_not_renamed_in_texts() {
        let none =
            Names::of(&[PathBuf::from(format!("/boot/loader/entries/{OLD}-1.conf"))], OLD, NEW);
        let text = "linux /ID/5.10/linux\nlinux /vmlinuz-0-rescue-ID\nmachine-id ID\n";
        let wanted = text.replacen("ID", OLD, 2).replace("ID", NEW);
        assert_eq!(after(&none, text), wanted);
    }

    proptest! {
        /// Rewriting twice is the same as once, and going there and back gives the same bytes.
        #[test]
        fn there_and_back(parts in proptest::collection::vec(prop_oneof![
            Just(OLD.to_owned()), Just("/".to_owned()), Just("-".to_owned()), Just("machine-id ".to_owned()),
            Just("0-rescue-".to_owned()), Just("\n".to_owned()), Just("#".to_owned()),
            Just("saved_entry=".to_owned()), "[ -~]{0,4}",
        ], 0..24)) {
            let text = parts.concat().into_bytes();
            let there = apply(&text, &names(OLD, NEW).edits(&text));
            prop_assert_eq!(there.len(), text.len());
            prop_assert!(names(OLD, NEW).edits(&there).is_empty());
            let back = apply(&there, &names(NEW, OLD).edits(&there));
            prop_assert_eq!(back, text);
        }
    }
}
