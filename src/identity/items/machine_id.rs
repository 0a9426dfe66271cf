//! The machine ID (machine-id(5)) and D-Bus's copy of it.

use std::path::Path;

use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "machine-id",
        hurts: "DHCP servers that identify clients by it give both machines one address, and management servers \
                treat them as one machine",
        change: "`postclone renew machine-id`, and reboot",
        find: systemd,
    },
    Kind {
        id: "dbus-machine-id",
        hurts: "programs that ask D-Bus get the template's ID, and systemd uses it again if /etc/machine-id is empty",
        change: "`postclone renew machine-id`, or make it a link: `ln -sf /etc/machine-id \
                 /var/lib/dbus/machine-id`",
        find: dbus,
    },
];

/// systemd's ID.
fn systemd(view: &View<'_>) -> Vec<Found> {
    id_in(view, "/etc/machine-id").into_iter().collect()
}

/// D-Bus's ID, if it has a file of its own. Usually, that file is a link to systemd's (dbus-uuidgen(1)).
fn dbus(view: &View<'_>) -> Vec<Found> {
    let path = "/var/lib/dbus/machine-id";
    if view.root.is_link(Path::new(path)) {
        return Vec::new();
    }
    id_in(view, path).into_iter().collect()
}

/// 32 hexadecimal digits. An empty file or `uninitialized` is not an ID.
fn id_in(view: &View<'_>, path: &str) -> Option<Found> {
    let text = view.text(path)?.trim().to_lowercase();
    let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| Found::one(path, text))
}
