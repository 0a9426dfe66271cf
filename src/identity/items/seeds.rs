//! Random seeds and secrets.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::dhcp::stored::{Client, Holds, places};
use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "random-seed",
        hurts: "both machines start their random numbers from one seed, which each of them can read",
        change: "`postclone renew random-seeds`; the system writes a new one, and `bootctl random-seed` the boot \
                 loader's",
        find: seeds,
    },
    Kind {
        id: "credential-secret",
        hurts: "each machine can read what was encrypted for the other with systemd-creds",
        change: "decrypt each credential with `systemd-creds decrypt`, give the machine a new machine ID, and \
                 encrypt them again: systemd then makes a new secret, and nothing reads what the old one \
                 encrypted",
        find: credentials,
    },
    Kind {
        id: "networkmanager-secret",
        hurts: "as long as the machine ID is shared too, NetworkManager derives the same stable IPv6 \
                addresses, MAC addresses and DHCP identifiers on both",
        change: "`postclone renew dhcp`, and reboot; the derived addresses change",
        find: network_manager,
    },
];

/// The seeds of systemd, of sysvinit and OpenRC, and of systemd-boot on the EFI system partition.
pub const SEEDS: &[&str] = &[
    "/var/lib/systemd/random-seed",
    "/var/lib/urandom/random-seed",
    "/var/lib/misc/random-seed",
    "/boot/efi/loader/random-seed",
    "/efi/loader/random-seed",
    "/boot/loader/random-seed",
];

/// The seeds that exist.
fn seeds(view: &View<'_>) -> Vec<Found> {
    whole(view, SEEDS)
}

/// The secret of systemd-creds(1). It begins with a hash of the machine ID for which it was made. systemd removes it
/// under another ID (src/shared/creds-util.c).
fn credentials(view: &View<'_>) -> Vec<Found> {
    whole(view, &["/var/lib/systemd/credential.secret"])
}

/// NetworkManager's secret, which it combines with the machine ID.
fn network_manager(view: &View<'_>) -> Vec<Found> {
    whole(view, places(Client::NetworkManager, Holds::Secret))
}

/// Files whose bytes are the identity. Empty files do not count, and a file with two paths is listed once.
pub(super) fn whole(view: &View<'_>, paths: &[&str]) -> Vec<Found> {
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    let one = |path: &&str| {
        let bytes = view.bytes(path).filter(|bytes| !bytes.is_empty())?;
        let file = view.root.resolve(path.as_ref()).ok()??;
        seen.insert(file).then(|| Found::one(*path, bytes))
    };
    paths.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::tree;
    use super::*;

    #[test]
    fn a_seed_is_its_bytes_and_an_empty_one_is_none() {
        let tree = tree(&[("var/lib/urandom/random-seed", "")]);
        tree.write("var/lib/systemd/random-seed", &[0, 255, 10]);
        tree.write("efi/loader/random-seed", b"other\n");
        let wanted = [
            Found::one("/var/lib/systemd/random-seed", [0, 255, 10]),
            Found::one("/efi/loader/random-seed", "other\n"),
        ];
        assert_eq!(seeds(&tree.view()), wanted);
    }

    #[test]
    fn a_partition_with_two_paths_has_one_seed() {
        let tree = tree(&[("boot/efi/loader/random-seed", "seed")]);
        tree.link("efi", "boot/efi");
        assert_eq!(seeds(&tree.view()), [Found::one("/boot/efi/loader/random-seed", "seed")]);
    }

    #[test]
    fn each_secret_is_a_kind_of_its_own() {
        let tree = tree(&[
            ("var/lib/systemd/credential.secret", "a"),
            ("var/lib/NetworkManager/secret_key", "nm-v2:b"),
            ("var/lib/NetworkManager/seen-bssids", "c"),
        ]);
        let view = tree.view();
        let wanted = [Found::one("/var/lib/systemd/credential.secret", "a")];
        assert_eq!(credentials(&view), wanted);
        let wanted = [Found::one("/var/lib/NetworkManager/secret_key", "nm-v2:b")];
        assert_eq!(network_manager(&view), wanted);
        assert_eq!(seeds(&view), []);
    }

    #[test]
    fn what_cannot_be_read_is_noted() {
        let tree = tree(&[("var/lib/systemd/random-seed/file", "a directory in its place")]);
        let view = tree.view();
        assert_eq!(seeds(&view), []);
        assert_eq!(view.take_troubles().len(), 1);
    }
}
