//! Dropbear's host keys.

use std::path::Path;

use super::super::lines::name_of;
use crate::identity::{Found, View};

/// Dropbear's keys in the initramfs image (dropbear-initramfs), including the place before Debian 12.
pub(super) fn in_image(view: &View<'_>) -> Vec<Found> {
    let mut found = dropbear_in(view, "/etc/dropbear/initramfs");
    found.extend(dropbear_in(view, "/etc/dropbear-initramfs"));
    found
}

/// Dropbear's keys of the running system.
pub(super) fn installed(view: &View<'_>) -> Vec<Found> {
    dropbear_in(view, "/etc/dropbear")
}

/// Dropbear keeps both halves of a key in one file, and does not store a comment.
fn dropbear_in(view: &View<'_>, dir: &str) -> Vec<Found> {
    let paths = view.glob(&format!("{dir}/dropbear_*_host_key"));
    let one = |path: &Path| {
        let bytes = view.bytes(path).filter(|bytes| !bytes.is_empty())?;
        Some(Found::one(format!("{dir}/{}", name_of(path)), bytes))
    };
    paths.iter().filter_map(|path| one(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree;
    use super::*;

    #[test]
    fn dropbears_keys_are_told_by_where_they_serve() {
        let tree = tree(&[
            ("etc/dropbear/dropbear_rsa_host_key", "1"),
            ("etc/dropbear/dropbear_rsa_host_key.pub", "ssh-rsa AAAA x"),
            ("etc/dropbear/dropbear_dss_host_key", ""),
            ("etc/dropbear/initramfs/dropbear_ed25519_host_key", "2"),
            ("etc/dropbear-initramfs/dropbear_ecdsa_host_key", "3"),
        ]);
        let view = tree.view();
        assert_eq!(installed(&view), [Found::one("/etc/dropbear/dropbear_rsa_host_key", "1")]);
        let wanted = [
            Found::one("/etc/dropbear/initramfs/dropbear_ed25519_host_key", "2"),
            Found::one("/etc/dropbear-initramfs/dropbear_ecdsa_host_key", "3"),
        ];
        assert_eq!(in_image(&view), wanted);
        assert_eq!(view.take_troubles(), Vec::<String>::new());
    }
}
