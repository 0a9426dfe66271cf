//! mdadm's homehost, and the UUIDs of the arrays in its configuration.

use super::settings::host_name;
use crate::guest::mdadm::{self, PLACES, is_keyword, lines, setting};
use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "md-homehost",
        hurts: "the template's arrays count as this machine's own and get its names when both are in one \
                machine, while the machine's own come up as /dev/md127",
        change: "write the host name, or `HOMEHOST <system>`, into mdadm.conf, give each array its name \
                 with `mdadm --assemble --update=homehost`, and rebuild the initramfs images",
        find: homehost,
    },
    Kind {
        id: "md-array-uuid",
        hurts: "mdadm cannot tell the two machines' arrays apart when the disks of both are in one machine",
        change: "stop the array, assemble it with `mdadm --assemble --update=uuid`, write the new UUID \
                 into mdadm.conf, and rebuild the initramfs images",
        find: uuids,
    },
];

/// The host of `HOMEHOST`, and the host in each array's name, `name=HOST:0`.
fn homehost(view: &View<'_>) -> Vec<Found> {
    in_each(view, |words| {
        let host = match words {
            [first, host, ..] if is_keyword(first, "homehost") => Some(host.as_str()),
            [first, rest @ ..] if is_keyword(first, "array") => {
                setting(rest, "name").and_then(|name| name.split_once(':')).map(|(host, _)| host)
            }
            _ => None,
        };
        // `any` in a name comes from `--homehost=any`. `<system>` and the like are not names.
        host.and_then(host_name).filter(|host| host != "any")
    })
    .into_iter()
    .map(|(place, hosts)| {
        let hint = hosts.iter().find_map(|host| view.other_host(host));
        Found::many(place, hosts.into_iter().map(String::into_bytes).collect()).hinted(hint)
    })
    .collect()
}

/// The UUID of each array.
fn uuids(view: &View<'_>) -> Vec<Found> {
    in_each(view, |words| {
        let (first, rest) = words.split_first()?;
        mdadm::uuid(rest).filter(|_| is_keyword(first, "array"))
    })
    .into_iter()
    .map(|(place, uuids)| Found::many(place, uuids.into_iter().map(String::into_bytes).collect()))
    .collect()
}

/// What the function takes from each file's lines, each value once. Files from which it takes nothing are left out.
fn in_each(
    view: &View<'_>,
    take: impl Fn(&[String]) -> Option<String>,
) -> Vec<(String, Vec<String>)> {
    let files = PLACES.iter().flat_map(|pattern| view.texts(pattern));
    let taken = files.map(|(path, text)| {
        let mut all: Vec<String> = Vec::new();
        for value in lines(&text).iter().filter_map(|words| take(words)) {
            if !all.contains(&value) {
                all.push(value);
            }
        }
        (path.display().to_string(), all)
    });
    taken.filter(|(_, all)| !all.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::items::testing::{tree, words};

    const CONF: &str = "# HOMEHOST no\nHOMEHOST Tmpl\nMAILADDR root\n\
        ARRAY /dev/md/0 metadata=1.2\n   UUID=3AAA0122:29827cfa:5331ad66:ca767371 name=tmpl:0\n\
        #ARRAY /dev/md/2 UUID=00000000:00000000:00000000:00000000 name=gone:2\n\
        arr /dev/md/1 name=raid9:1 UUID=b2c3d4e5-00000000-00000000-00000001 # name=no:1\n\
        ARRAY <ignore> UUID=short name=plain\n";

    #[test]
    fn names_come_from_homehost_and_from_arrays() {
        let tree = tree(&[("etc/mdadm/mdadm.conf", CONF)]);
        let found = homehost(&tree.of_host("web01"));
        assert_eq!(found.len(), 1);
        assert_eq!(words(&found[0]), ["tmpl", "raid9"]);
        assert_eq!(found[0].place, "/etc/mdadm/mdadm.conf");
        let hint = "it names the host tmpl, but this machine is web01";
        assert_eq!(found[0].hint.as_deref(), Some(hint));
    }

    #[test]
    fn the_machines_own_name_hints_at_nobody() {
        let tree = tree(&[("etc/mdadm.conf", "ARRAY /dev/md0 name=web01:0\n")]);
        assert_eq!(homehost(&tree.of_host("web01")), [Found::one("/etc/mdadm.conf", "web01")]);
    }

    #[test]
    fn what_stands_for_a_name_is_none() {
        for text in [
            "HOMEHOST <system>",
            "HOMEHOST <ignore>",
            "HOMEHOST <none>",
            "HOMEHOST",
            "ARRAY /dev/md0 name=any:0",
            "ARRAY",
        ] {
            let tree = tree(&[("etc/mdadm.conf", text)]);
            assert_eq!(homehost(&tree.of_host("web01")), [], "{text}");
        }
    }

    #[test]
    fn uuids_are_the_same_however_they_are_written() {
        let tree = tree(&[("etc/mdadm/mdadm.conf", CONF)]);
        let found = uuids(&tree.view());
        assert_eq!(
            words(&found[0]),
            ["3aaa012229827cfa5331ad66ca767371", "b2c3d4e5000000000000000000000001"]
        );
    }
}
