//! Volume groups' names.

use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[Kind {
    id: "group-name",
    hurts: "with both disks in one machine, LVM has two groups of one name, and neither can be used \
            before one of them is renamed",
    change: "`postclone rename`",
    find,
}];

/// The hosts on which LVM says that a group's volumes were made are a hint, where this is none of them
/// (lvm2 lib/metadata/lv.c, `creation_host`).
fn find(view: &View<'_>) -> Vec<Found> {
    let found = view.groups().iter().map(|group| {
        let others = group.hosts.iter().map(|host| view.other_host(host));
        let others: Option<Vec<String>> = others.collect();
        let hint = others.and_then(|others| others.into_iter().next());
        let hint =
            hint.map(|_| format!("LVM has it that {} made its volumes", group.hosts.join(", ")));
        Found::one(group.name.as_str(), group.name.as_str()).hinted(hint)
    });
    found.collect()
}
