//! Paths that are named after a machine ID, and their names under another ID.

use std::path::{Component, Path, PathBuf};

/// File systems that boot loaders read, as far as kernel-install looks for them (systemd src/shared/find-esp.c). One
/// may be mounted below another.
pub(super) const PARTITIONS: &[&str] = &["/efi", "/boot/efi", "/boot"];

/// What comes before the ID in the names of dracut's rescue kernel and image (dracut
/// install.d/51-dracut-rescue.install).
pub(super) const RESCUE: &str = "0-rescue-";

/// Directories of entries, and the endings of the entries' names.
const ENTRIES: &[(&str, &str)] = &[("loader/entries", ".conf"), ("EFI/Linux", ".efi")];

/// The path under another ID. `None` if the path is not named after this ID.
pub(in crate::renew) fn renamed(path: &Path, from: &str, to: &str) -> Option<PathBuf> {
    PARTITIONS.iter().find_map(|partition| {
        let below = path.strip_prefix(partition).ok()?;
        Some(Path::new(partition).join(below_renamed(below, from, to)?))
    })
}

/// The partition that the path is on, and the rest of the path.
pub(super) fn split<'a>(path: &'a Path, id: &str) -> Option<(&'static Path, &'a Path)> {
    PARTITIONS.iter().find_map(|partition| {
        let below = path.strip_prefix(partition).ok()?;
        below_renamed(below, id, id).map(|_| (Path::new(*partition), below))
    })
}

/// Whether a boot loader shows this file in its menu.
pub(super) fn is_entry(path: &Path) -> bool {
    let dir = path.parent().unwrap_or(path);
    ENTRIES
        .iter()
        .any(|(entries, suffix)| dir.ends_with(entries) && path.to_string_lossy().ends_with(suffix))
}

/// Whether this is the rescue kernel, its image, or a file that belongs to them.
pub(super) fn is_rescue(path: &Path, id: &str) -> bool {
    split(path, id).is_some_and(|(_, below)| {
        let name = below.to_string_lossy();
        !name.contains('/') && name != id
    })
}

fn below_renamed(below: &Path, from: &str, to: &str) -> Option<PathBuf> {
    let is_plain = |part: &Component<'_>| matches!(part, Component::Normal(_));
    if !below.components().all(|part| is_plain(&part)) {
        return None;
    }
    let text = below.to_str()?;
    if let Some(inside) = text.strip_prefix(from) {
        let is_dir = inside.is_empty() || inside.starts_with('/');
        return is_dir.then(|| PathBuf::from(format!("{to}{inside}")));
    }
    for (dir, suffix) in ENTRIES {
        let name = text.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/'));
        let Some(rest) = name.and_then(|name| name.strip_prefix(from)) else { continue };
        let is_one = rest.starts_with('-') && rest.ends_with(suffix) && !rest.contains('/');
        return is_one.then(|| PathBuf::from(format!("{dir}/{to}{rest}")));
    }
    let (head, tail) = text.split_once(&format!("{RESCUE}{from}"))?;
    let is_end = !tail.starts_with(|next: char| next.is_ascii_alphanumeric());
    let is_one = is_end && !head.contains('/') && !tail.contains(['/', '-']);
    is_one.then(|| PathBuf::from(format!("{head}{RESCUE}{to}{tail}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    #[test]
    fn what_kernel_install_names_after_the_id_is_known() {
        for (path, what) in [
            ("/boot/loader/entries/ID-4.18.0-553.el8_10.x86_64.conf", "entry"),
            ("/boot/loader/entries/ID-0-rescue.conf", "entry"),
            ("/efi/loader/entries/ID-5.10.0-9-amd64+3-1.conf", "entry"),
            ("/boot/efi/EFI/Linux/ID-5.10.0-9-amd64.efi", "entry"),
            ("/boot/efi/ID", "place"),
            ("/efi/ID/5.10.0-9-amd64/linux", "place"),
            ("/boot/vmlinuz-0-rescue-ID", "rescue"),
            ("/boot/initramfs-0-rescue-ID.img", "rescue"),
            ("/boot/.vmlinuz-0-rescue-ID.hmac", "rescue"),
        ] {
            let (path, new) = (path.replace("ID", OLD), path.replace("ID", NEW));
            let path = Path::new(&path);
            assert_eq!(renamed(path, OLD, NEW).as_deref(), Some(Path::new(&new)), "{new}");
            assert_eq!(renamed(Path::new(&new), NEW, OLD).as_deref(), Some(path));
            assert_eq!(is_entry(path), what == "entry", "{new}");
            assert_eq!(is_rescue(path, OLD), what == "rescue", "{new}");
        }
    }

    #[test]
    fn everything_else_keeps_its_name() {
        for path in [
            "/boot/loader/entries/mine.conf",
            "/boot/loader/entries/ID.conf",
            "/boot/loader/entries/ID-5.10.conf.rpmsave",
            "/boot/loader/entries/old/ID-5.10.conf",
            "/boot/loader/entries/x-ID-5.10.conf",
            "/boot/loader/ID-5.10.conf",
            "/boot/vmlinuz-5.10",
            "/boot/vmlinuz-0-rescue-ID0",
            "/boot/vmlinuz-0-rescue-ID-6.1",
            "/boot/old/vmlinuz-0-rescue-ID",
            "/boot/IDx/linux",
            "/boot/old/ID/linux",
            "/boot/ID/../../etc/passwd",
            "/var/log/journal/ID",
            "/ID/linux",
            "boot/ID/linux",
        ] {
            assert_eq!(renamed(Path::new(&path.replace("ID", OLD)), OLD, NEW), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same(below in "[a-z0-9/.+-]{0,12}", head in prop_oneof![
            Just("loader/entries/"), Just("EFI/Linux/"), Just(""), Just("vmlinuz-0-rescue-"),
        ], tail in prop_oneof![Just(""), Just(".conf"), Just(".efi"), Just(".img")]) {
            let path = PathBuf::from(format!("/boot/{head}{OLD}{below}{tail}"));
            if let Some(new) = renamed(&path, OLD, NEW) {
                prop_assert_eq!(renamed(&new, NEW, OLD), renamed(&path, OLD, OLD));
                prop_assert_eq!(is_entry(&new), is_entry(&path));
            }
        }
    }
}
