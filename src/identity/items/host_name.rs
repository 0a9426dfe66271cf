//! The host name in its places.

mod mail;
mod places;

use std::path::Path;

use super::settings::{host_name, is_comment};
use crate::guest::host;
use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "host-name",
        hurts: "both machines register one name with DHCP and DNS, and logs, mail and management servers \
                mix them up",
        change: "`postclone rename-host NEW`",
        find: own,
    },
    Kind {
        id: "host-name-place",
        hurts: "the program that reads this file continues to use the template's name, so what it sends or \
                registers counts as the template's",
        change: "`postclone rename-host OLD NEW`; if it leaves the file, write the name there by hand; then \
                 restart the program that reads it",
        find: in_places,
    },
];

/// The name in hostname(5).
fn own(view: &View<'_>) -> Vec<Found> {
    let path = "/etc/hostname";
    let Some(text) = view.text(path) else { return Vec::new() };
    let line = text.lines().map(str::trim).find(|line| !is_comment(line));
    line.and_then(host_name).map(|name| Found::one(path, name)).into_iter().collect()
}

/// The names in all places, with one entry for each file.
fn in_places(view: &View<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (pattern, take) in places::ALL {
        for (path, text) in view.texts(pattern) {
            found.extend(in_place(view, &path, take(&text)));
        }
    }
    found.sort_by(|a, b| a.place.cmp(&b.place));
    found
}

/// The names in one file. Each group contains names of one host: if one of them is this machine's, the others are its
/// aliases, and hint at nobody else.
fn in_place(view: &View<'_>, path: &Path, groups: Vec<Vec<String>>) -> Option<Found> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    let mut hint = None;
    for group in groups {
        let group: Vec<String> = group.iter().filter_map(|name| host_name(name)).collect();
        let is_own = |name: &String| host::short(name) == view.host.as_deref();
        if hint.is_none() && !group.iter().any(is_own) {
            hint = group.iter().find_map(|name| view.other_host(name));
        }
        for name in group.into_iter().map(String::into_bytes) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let place = path.display().to_string();
    (!names.is_empty()).then(|| Found::many(place, names).hinted(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::items::testing::{tree, words};

    #[test]
    fn the_hosts_name_is_taken_in_lower_case() {
        for (text, name) in [
            ("Tmpl\n", Some("tmpl")),
            ("# static\n\n tmpl.Example.org \n", Some("tmpl.example.org")),
            ("localhost.localdomain\n", None),
            ("", None),
        ] {
            let tree = tree(&[("etc/hostname", text)]);
            let found: Vec<_> = own(&tree.view()).iter().flat_map(words).collect();
            assert_eq!(found, name.into_iter().collect::<Vec<_>>(), "{text}");
        }
    }

    #[test]
    fn a_place_that_names_another_host_has_a_hint() {
        let tree = tree(&[("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 TMPL.example.org tmpl\n")]);
        let found = in_places(&tree.of_host("web01"));
        assert_eq!(words(&found[0]), ["tmpl.example.org", "tmpl"]);
        let hint = "it names the host tmpl, but this machine is web01";
        assert_eq!(found[0].hint.as_deref(), Some(hint));
        assert_eq!(in_places(&tree.of_host("tmpl"))[0].hint, None);
        assert_eq!(in_places(&tree.view())[0].hint, None);
    }

    #[test]
    fn an_alias_beside_the_own_name_hints_at_nobody_and_another_line_does() {
        let lines = "127.0.1.1 www.example.org web01\n";
        let first = tree(&[("etc/hosts", lines)]);
        assert_eq!(in_places(&first.of_host("web01"))[0].hint, None);
        let second = tree(&[("etc/hosts", &format!("{lines}::1 localhost tmpl\n"))]);
        let found = in_places(&second.of_host("web01"));
        assert!(found[0].hint.as_deref().unwrap().contains("tmpl"));
        assert_eq!(words(&found[0]), ["www.example.org", "web01", "tmpl"]);
    }

    #[test]
    fn places_without_a_name_are_left_out() {
        let tree = tree(&[
            ("etc/hosts", "127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\n"),
            ("etc/munin/munin-node.conf", "#host_name tmpl\n"),
            ("etc/collectd/collectd.conf", "Hostname \"localhost\"\n"),
        ]);
        assert_eq!(in_places(&tree.of_host("web01")), []);
    }
}
