//! Systems whose `/etc` or boot files are generated, so that the old name would come back.

use std::fs;
use std::path::Path;

use anyhow::{Result, anyhow};

use crate::exit::refuse;
use crate::guest::mounts::{fstab_has_option, mounted};
use crate::guest::root::Root;

/// A kind of such a system.
struct Kind {
    /// Its name.
    name: &'static str,
    /// What happens to an edit, and where the name must be changed instead.
    told: &'static str,
    is: fn(&Root) -> bool,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "NixOS",
        told: "its /etc and boot entries are made from the configuration, and the next `nixos-rebuild` brings the \
               old name back: rename the group with `vgrename`, write the new name into \
               /etc/nixos/hardware-configuration.nix, and run `nixos-rebuild boot` before the reboot",
        is: is_nixos,
    },
    Kind {
        name: "Guix System",
        told: "its /etc and boot entries are made from the configuration, and the next `guix system reconfigure` \
               brings the old name back: rename the group with `vgrename`, write the new name into the \
               operating-system declaration, and run `guix system reconfigure` before the reboot",
        is: is_guix,
    },
    Kind {
        name: "an ostree or bootc system",
        told: "each deployment has boot entries, an image and an /etc of its own, and the next deployment brings the old name back: change the kernel arguments with `rpm-ostree kargs --replace` (or \
               `ostree admin kargs edit-in-place`) and /etc/fstab in the deployment, and name file systems by UUID there",
        is: is_ostree,
    },
    Kind {
        name: "a system of transactional-update",
        told: "`/` is a read-only snapshot, and changes belong in the next one: make them by hand in \
               `transactional-update shell`, and reboot into that snapshot",
        is: is_transactional,
    },
];

/// Why such a system cannot be changed. None for other systems. `there` is
/// [`crate::change::Change::where_image_based`].
pub(crate) fn why(root: &Root, there: Option<&str>) -> Option<String> {
    let Kind { name, told, .. } = KINDS.iter().find(|kind| (kind.is)(root))?;
    Some(match there {
        Some(there) => format!("this is {name}: its /etc is made from something else, {there}"),
        None => format!("this is {name}: {told}"),
    })
}

/// Refuses such a system before any other check.
///
/// # Errors
/// Which kind of system it is, and where the name must be changed.
pub(crate) fn is_none(root: &Root, there: Option<&str>) -> Result<()> {
    match why(root, there) {
        Some(why) => Err(refuse(anyhow!("postclone changes nothing here, {why}"))),
        None => Ok(()),
    }
}

/// The ID in os-release(5), which may be a link into a store.
fn has_id(root: &Root, id: &str) -> bool {
    let text =
        ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| root.read_text(path));
    let text = text.unwrap_or_default();
    let last = text.lines().filter_map(|line| line.trim().strip_prefix("ID=")).next_back();
    last.is_some_and(|value| value.trim_matches(['"', '\'']) == id)
}

fn is_link_to(root: &Root, path: &str, target: &str) -> bool {
    let found = fs::read_link(root.outer(Path::new(path)));
    found.is_ok_and(|found| found.to_string_lossy().trim_start_matches('/').starts_with(target))
}

/// `/etc/NIXOS` marks the system (nixpkgs nixos/modules/system/etc). If only the package manager is
/// installed, on another distribution, there is no system profile.
fn is_nixos(root: &Root) -> bool {
    has_id(root, "nixos")
        || root.exists("/etc/NIXOS")
        || root.is_link(Path::new("/nix/var/nix/profiles/system"))
        || is_link_to(root, "/etc/static", "nix/store")
}

/// The same test for Guix (guix gnu/system).
fn is_guix(root: &Root) -> bool {
    has_id(root, "guix") || root.is_link(Path::new("/var/guix/profiles/system"))
}

/// A running system has `/run/ostree-booted` (ostree-prepare-root(1)). In a deployment, `/ostree` is a
/// link into `/sysroot`, which is empty if seen from outside. Flatpak's repository is elsewhere.
fn is_ostree(root: &Root) -> bool {
    root.is_live() && root.exists("/run/ostree-booted")
        || ["/ostree/repo", "/sysroot/ostree"].iter().any(|path| root.exists(path))
        || is_link_to(root, "/ostree", "sysroot/ostree")
}

/// openSUSE MicroOS and similar systems: they have the program, and a root that fstab or the kernel makes
/// read-only. With a writable root, the program does not matter.
fn is_transactional(root: &Root) -> bool {
    let has_program = ["/usr/sbin/transactional-update", "/sbin/transactional-update"]
        .iter()
        .any(|path| root.exists(path));
    let is_read_only = || {
        let mounts = mounted();
        let at = |target: &Path| mounts.iter().rev().find(|mount| mount.target == target);
        fstab_has_option(root, Path::new("/"), "ro")
            || root.is_live() && at(Path::new("/")).is_some_and(|mount| mount.read_only)
    };
    has_program && is_read_only()
}
