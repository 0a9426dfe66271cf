//! The kernel argument that sets a machine ID. A boot takes the ID from it and writes it into the file again
//! (systemd(1), systemd.machine_id=; systemd src/shared/machine-id-setup.c). kernel-install adds it to each entry
//! that is named after the ID. It also adds a line with the ID to the entry (systemd
//! src/kernel-install/90-loaderentry.install.in, 60-ukify.install.in).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use memchr::memmem;

use crate::change::Job;
use crate::exit::refuse;
use crate::guest::kernel_install::has_command_line;
use crate::guest::root::Root;
use crate::rewrite::edit::{Edit, Form};
use crate::rewrite::lines::lines;

/// The argument.
const ARGUMENT: &[u8] = b"systemd.machine_id=";

/// Files with kernel command lines, and their formats.
pub(super) const PLACES: &[(&str, &str)] = &[
    ("boot/loader/entries/*.conf", "bls-entry"),
    ("boot/efi/loader/entries/*.conf", "bls-entry"),
    ("efi/loader/entries/*.conf", "bls-entry"),
    ("etc/kernel/cmdline", "kernel-command-line"),
    ("etc/default/grub", "default-grub"),
    ("etc/default/grub.d/*.cfg", "default-grub"),
    ("boot/grub/grub.cfg", "grub-cfg"),
    ("boot/grub2/grub.cfg", "grub-cfg"),
    ("boot/efi/EFI/*/grub.cfg", "grub-cfg"),
    ("boot/grub/grubenv", "grubenv"),
    ("boot/grub2/grubenv", "grubenv"),
    ("boot/extlinux/extlinux.conf", "extlinux"),
];

/// Unified kernel images, which contain their command line.
const UNIFIED: &[&str] =
    &["boot/EFI/Linux/*.efi", "boot/efi/EFI/Linux/*.efi", "efi/EFI/Linux/*.efi"];

/// The format of a file. `None` if the file is not one of the places.
pub(super) fn kind(path: &Path) -> Option<&'static str> {
    let text = path.to_string_lossy();
    let is_it = |pattern: &str| match pattern.split_once('*') {
        Some((head, tail)) => text[1..].starts_with(head) && text.ends_with(tail),
        None => &text[1..] == pattern,
    };
    PLACES.iter().find(|(pattern, _)| is_it(pattern)).map(|(_, kind)| *kind)
}

/// The edits that replace the ID in a text's arguments, and in the `machine-id` line of an entry.
pub(super) fn edits(text: &[u8], from: &str, to: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    for line in lines(text) {
        let content = &text[line.clone()];
        if content.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        for at in memmem::find_iter(content, from.as_bytes()) {
            let (before, after) = (&content[..at], content.get(at + from.len()));
            let is_end =
                after.is_none_or(|byte| byte.is_ascii_whitespace() || b"\"'".contains(byte));
            if is_end && (is_argument(before) || before.trim_ascii() == b"machine-id") {
                let range = line.start + at..line.start + at + from.len();
                let (new, token) = (to.as_bytes().to_vec(), range.clone());
                edits.push(Edit { range, new, token, form: Form::MachineId, volume: None });
            }
        }
    }
    edits
}

/// Whether the text ends with the argument, at the beginning of a word.
fn is_argument(before: &[u8]) -> bool {
    let Some(rest) = before.strip_suffix(ARGUMENT) else { return false };
    rest.last().is_none_or(|byte| byte.is_ascii_whitespace() || b"\"'=".contains(byte))
}

/// Whether kernel-install would copy the argument with this ID from the running kernel. It does so if no file has the
/// command line (systemd src/kernel-install/90-loaderentry.install.in).
pub(super) fn is_of_running(job: &Job, id: &str) -> bool {
    let argument = format!("systemd.machine_id={id}");
    let text = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    job.is_live()
        && text.split_whitespace().any(|word| word == argument)
        && !has_command_line(&job.root)
}

/// The unified kernel images that contain the argument with this ID. Links are resolved.
///
/// # Errors
/// A place that cannot be read.
pub(super) fn unified_with(root: &Root, id: &str) -> Result<Vec<PathBuf>> {
    let argument = [ARGUMENT, id.as_bytes()].concat();
    let mut found = Vec::new();
    for pattern in UNIFIED {
        for path in root.glob(pattern).map_err(refuse)? {
            let Some(image) = root.read(&path).map_err(refuse)? else { continue };
            if memmem::find(&image.bytes, &argument).is_some() {
                found.push(image.path);
            }
        }
    }
    Ok(found)
}

/// Demands that this run rebuilds each unified kernel image that contains the argument.
///
/// # Errors
/// An image that is not rebuilt. Booting it would bring the old ID back.
pub(super) fn are_built_anew(job: &Job, id: &str) -> Result<()> {
    for path in unified_with(&job.root, id)? {
        if job.placed.iter().all(|following| following.last.path != path) {
            bail!(
                "`{}` has systemd.machine_id={id} in its command line, so booting it brings that machine ID back, and \
                 this run does not rebuild it: build it without the argument, or leave out the machine ID, as in \
                 `postclone fixup --except machine-id`",
                path.display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrite::edit::apply;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    fn after(text: &str) -> String {
        let text = text.replace("ID", OLD);
        String::from_utf8(apply(text.as_bytes(), &edits(text.as_bytes(), OLD, NEW))).unwrap()
    }

    #[test]
    fn arguments_and_the_line_of_an_entry_change() {
        for line in [
            "options root=/dev/x ro systemd.machine_id=ID",
            "options systemd.machine_id=ID quiet\n",
            "GRUB_CMDLINE_LINUX=\"systemd.machine_id=ID\"\n",
            "kernelopts=systemd.machine_id=ID\n",
            "machine-id ID\n",
            "machine-id\tID\r\n",
        ] {
            assert_eq!(after(line), line.replace("ID", NEW), "{line}");
        }
    }

    #[test]
    fn names_comments_and_what_looks_alike_stay() {
        for line in [
            "linux /ID/6.1.0/linux\n",
            "# options systemd.machine_id=ID\n",
            "options systemd.machine_id=ID0 xsystemd.machine_id=ID\n",
            "options my.machine_id=ID machine-id=ID\n",
            "title machine-id ID\n",
        ] {
            assert_eq!(after(line), line.replace("ID", OLD), "{line}");
        }
    }

    #[test]
    fn every_place_has_its_format() {
        for (pattern, kind) in PLACES {
            let path = format!("/{}", pattern.replace('*', "x"));
            assert_eq!(super::kind(Path::new(&path)), Some(*kind), "{path}");
        }
        assert_eq!(super::kind(Path::new("/etc/machine-id")), None);
    }
}
