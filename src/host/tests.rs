//! Properties of every form.

use proptest::prelude::*;

use super::place::Rewrite;
use super::places::PLACES;
use super::{HostNames, Spelling};
use crate::rewrite::edit::{Findings, apply};

pub(super) fn names(old: &str, new: &str) -> HostNames {
    HostNames::new(Spelling::new(old).unwrap(), Spelling::new(new).unwrap())
}

/// A file's text after the rename, and the tokens that are left and shown.
pub(super) fn after(names: &HostNames, rewrite: Rewrite, text: &str) -> (String, Vec<String>) {
    let Findings { edits, left } = rewrite(names, text.as_bytes());
    let after = String::from_utf8(apply(text.as_bytes(), &edits)).unwrap();
    (after, left.into_iter().map(|left| text[left.token].to_owned()).collect())
}

/// Renames `tmpl.example.org` to `web01`.
pub(super) fn check(rewrite: Rewrite, before: &str, behind: &str) {
    let names = names("tmpl.example.org", "web01");
    assert_eq!(after(&names, rewrite, before).0, behind, "{before}");
}

/// The parts from which files of the formats are made.
const PARTS: &[&str] = &[
    "tmpl",
    "tmpl.example.org",
    "tmpl.other.org",
    "tmpl2",
    "my-tmpl",
    ".",
    " ",
    "\t",
    "\n",
    "\n",
    "\r\n",
    "\\\n",
    "=",
    ":",
    ",",
    ";",
    "#",
    "!",
    "\"",
    "'",
    "{",
    "}",
    "127.0.1.1 ",
    "127.0.0.1 ",
    "192.0.2.1 ",
    "[DHCPv4]\n",
    "[agent]\n",
    "[ipv4]\n",
    "[keyfile]\n",
    "[global]\n",
    "[server]\n",
    "Hostname=",
    "hostname: ",
    "fqdn: ",
    "id: ",
    "dhcp-hostname=",
    "HOSTNAME=",
    "myhostname = ",
    "mydestination = ",
    ".$mydomain",
    "dc_other_hostnames='",
    "Name: postfix/destinations\n",
    "Value: ",
    "send host-name \"",
    "server_name ",
    "ServerName http://",
    "ServerAlias ",
    "Host_Alias X = ",
    "a ",
    "Defaults@",
    "netbios name = ",
    "sysName ",
    "host_name ",
    "host-name=",
    "<Plugin x>\n",
    "</Plugin>\n",
    "const NodeName = ",
    "object Zone ",
    "certname = ",
    "Name = ",
    "-fd",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        20 => prop::sample::select(PARTS).prop_map(|part| part.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

fn renamings() -> impl Strategy<Value = HostNames> {
    prop_oneof![
        Just(names("tmpl.example.org", "q7-neu")),
        Just(names("tmpl.example.org", "q7-neu.other.net")),
        Just(names("tmpl.example.org", "tmpl.other.net")),
        Just(names("tmpl", "q7-neu")),
        Just(names("tmpl", "q7-neu.other.net")),
    ]
}

proptest! {
    #[test]
    fn twice_is_once_and_nothing_else_changes(text in text(), names in renamings()) {
        for place in PLACES {
            let found = place.find(&names, &text);
            let mut from = 0;
            for edit in &found.edits {
                prop_assert!(from <= edit.range.start, "{}: {edit:?}", place.pattern);
                prop_assert!(edit.token.start <= edit.range.start);
                prop_assert!(edit.range.end <= edit.token.end && edit.token.end <= text.len());
                prop_assert!(text[edit.range.clone()].to_ascii_lowercase().starts_with(b"tmpl"));
                from = edit.range.end;
            }
            for left in &found.left {
                prop_assert!(left.token.end <= text.len());
            }
            let after = apply(&text, &found.edits);
            let again = place.find(&names, &after).edits;
            prop_assert!(again.is_empty(), "{}: {again:?}", place.pattern);
        }
    }

    #[test]
    fn there_and_back_is_identity(text in text(), own_domain in any::<bool>()) {
        let lower = text.to_ascii_lowercase();
        prop_assume!(!lower.windows(2).any(|pair| pair == b"q7"));
        let new = if own_domain { "q7-neu.other.net" } else { "q7-neu" };
        for names in [names("tmpl.example.org", new), names("tmpl", "q7-neu")] {
            for place in PLACES {
                let found = (place.rewrite)(&names, &text).edits;
                let exact = |range: &std::ops::Range<usize>| {
                    matches!(&text[range.clone()], b"tmpl" | b"tmpl.example.org")
                };
                if !found.iter().all(|edit| exact(&edit.range)) {
                    continue;
                }
                let after = apply(&text, &found);
                let back = (place.rewrite)(&names.reversed(), &after).edits;
                prop_assert_eq!(apply(&after, &back), text.clone(), "{}", place.pattern);
            }
        }
    }

    #[test]
    fn any_bytes_are_read(text in prop::collection::vec(any::<u8>(), 0..80)) {
        let names = names("tmpl", "web01");
        for place in PLACES {
            prop_assert!(apply(&text, &place.find(&names, &text).edits).len() >= text.len());
        }
    }
}
