//! The names of volume groups.

use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[Kind {
    id: "group-name",
    hurts: "with both disks in one machine, LVM has two groups of one name, and neither can be used \
            before one of them is renamed",
    change: "`postclone rename`",
    find,
}];

/// Looks for a hint in the hosts that created a group's volumes according to LVM: this host is not among them (lvm2
/// lib/metadata/lv.c, `creation_host`). LVM never forgets these hosts, so they are ignored if the group is named
/// after this host.
/// named after this host.
fn find(view: &View<'_>) -> Vec<Found> {
    let found = view.groups().iter().map(|group| {
        let others = group.hosts.iter().map(|host| view.other_host(host));
        let others: Option<Vec<String>> = others.collect();
        let is_own =
            view.host.as_ref().is_some_and(|host| is_named_after(group.name.as_str(), host));
        let hint = others.and_then(|others| others.into_iter().next()).filter(|_| !is_own);
        let hint =
            hint.map(|_| format!("LVM has it that {} made its volumes", group.hosts.join(", ")));
        Found::one(group.name.as_str(), group.name.as_str()).hinted(hint)
    });
    found.collect()
}

/// Whether a group's name contains a host's name as a whole word.
fn is_named_after(group: &str, host: &str) -> bool {
    let group = group.to_lowercase();
    let is_inner = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    group.match_indices(host).any(|(at, _)| {
        let (before, after) = (&group[..at], &group[at + host.len()..]);
        !host.is_empty() && !is_inner(before.chars().next_back()) && !is_inner(after.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_named_after_a_host_by_whole_words() {
        for name in ["web01", "web01-vg", "vg_web01", "Web01-vg", "a.web01.b", "web011-web01"] {
            assert!(is_named_after(name, "web01"), "{name}");
        }
        for name in ["vg0", "web011-vg", "myweb01", "ubuntu-vg"] {
            assert!(!is_named_after(name, "web01"), "{name}");
        }
        assert!(!is_named_after("vg", ""));
    }
}
