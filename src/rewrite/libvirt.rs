//! XML that names volumes: libvirt's domains, pools and volumes (libvirt.org formatdomain, formatstorage),
//! pam_mount.conf.xml, Pacemaker's CIB.

use std::ops::Range;

use anyhow::Result;

use super::decoded::{record_decoded, scan_decoded};
use super::edit::{Findings, Left};
use super::elsewhere::GUEST;
use super::lines::trimmed;
use super::matcher::{Matcher, Verdict};
use super::scan::{KERNEL, PATHS};
use super::xml::{Piece, decode, walk};

/// Reported with the name of a pool that is also the name of the group.
const POOL_NAME: &str =
    "is the pool's name and, as its <source> has none, the group's (virsh pool-edit changes it)";

/// Rewrites device paths in all values and texts, and `<name>` in the `<source>` of a logical pool.
///
/// The pool's own name stays, because domains refer to it.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut logical = false;
    let mut source_name = false;
    let mut pool_name = None;
    walk(text, |open, piece| match piece {
        Piece::Element(element, attributes) => {
            let is_logical = |(name, value): &(&[u8], Range<usize>)| {
                *name == b"type" && text[value.clone()] == *b"logical"
            };
            if element == b"pool" {
                logical = attributes.iter().any(is_logical);
            }
            let mut found = Findings::default();
            values(matcher, text, &attributes, &mut found);
            // `<qemu:arg value='root=/dev/vg/root'/>` follows an argument `-append`.
            let is_argument = element == b"arg" || element.ends_with(b":arg");
            found.leave(GUEST, |token| is_argument && text[..token.start].ends_with(b"root="));
            findings.edits.append(&mut found.edits);
            findings.left.append(&mut found.left);
        }
        Piece::Text(span) if matches!(open, [.., b"os", b"cmdline"]) => {
            let mut found = Findings::default();
            scan_decoded(matcher, text, &decode(text, span), KERNEL, &mut found);
            found.leave(GUEST, |_| true);
            findings.left.append(&mut found.left);
        }
        Piece::Text(span) if logical && matches!(open, [.., b"pool", b"source", b"name"]) => {
            source_name = true;
            let name = decode(text, trimmed(text, span));
            record_decoded(text, &name, |name| matcher.group(name), &mut findings);
        }
        Piece::Text(span) if logical && matches!(open, [.., b"pool", b"name"]) => {
            pool_name = Some(trimmed(text, span));
        }
        Piece::Text(span) | Piece::Comment(span) => {
            scan_decoded(matcher, text, &decode(text, span), PATHS, &mut findings);
        }
    });
    let is_group =
        |name: &Range<usize>| matches!(matcher.group(&text[name.clone()]), Verdict::Ours(_));
    findings.left.sort_by_key(|left| left.token.start);
    if let Some(token) = pool_name.filter(|name| !source_name && is_group(name)) {
        findings.left.push(Left { token, why: POOL_NAME });
    }
    Ok(findings)
}

/// Parameters of Pacemaker's resources that name a group: `volgrpname` of ocf:heartbeat:LVM, `vgname` of
/// LVM-activate.
const CLUSTER: [&[u8]; 3] = [b"vgname", b"volgrpname", b"vg_name"];

/// Rewrites resource parameters that hold the group's name, and device paths in all other values.
pub fn cluster(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    walk(text, |_, piece| {
        let Piece::Element(b"nvpair", attributes) = piece else { return };
        let value = |key: &[u8]| attributes.iter().find(|(name, _)| *name == key).map(|(_, at)| at);
        let names_group = value(b"name").is_some_and(|name| CLUSTER.contains(&&text[name.clone()]));
        match value(b"value").filter(|_| names_group) {
            Some(group) => {
                let name = decode(text, group.clone());
                record_decoded(text, &name, |name| matcher.group(name), &mut findings);
            }
            None => values(matcher, text, &attributes, &mut findings),
        }
    });
    Ok(findings)
}

fn values(
    matcher: &Matcher,
    text: &[u8],
    attributes: &[(&[u8], Range<usize>)],
    findings: &mut Findings,
) {
    for (_, value) in attributes {
        scan_decoded(matcher, text, &decode(text, value.clone()), PATHS, findings);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::VgName;
    use crate::rewrite::edit::apply;
    use crate::rewrite::matcher::Volumes;

    fn run(text: &str, rewrite: fn(&Matcher, &[u8]) -> Result<Findings>) -> (String, usize) {
        let name = |name| VgName::new(name).unwrap();
        let matcher = Matcher::new(name("a-b"), name("c-d"), Volumes::ByForm, BTreeSet::new());
        let findings = rewrite(&matcher, text.as_bytes()).unwrap();
        let after = apply(text.as_bytes(), &findings.edits);
        (String::from_utf8(after).unwrap(), findings.left.len())
    }

    #[test]
    fn a_pools_source_is_the_group_and_its_name_is_not() {
        let pool = "<pool type='logical'>\n <name>a-b</name><source><device path='/dev/a-b/pv'/>\
                    <name> a&#45;b </name></source><target><path>/dev/a-b</path></target></pool>";
        let after = "<pool type='logical'>\n <name>a-b</name><source><device path='/dev/c-d/pv'/>\
                     <name> c&#45;d </name></source><target><path>/dev/c-d</path></target></pool>";
        assert_eq!(run(pool, rewrite), (after.to_owned(), 0));
        let unnamed = "<pool type=\"logical\"><name>a-b</name></pool>";
        assert_eq!(run(unnamed, rewrite), (unnamed.to_owned(), 1));
        let directory = "<pool type='dir'><name>a-b</name><source><name>a-b</name></source></pool>";
        assert_eq!(run(directory, rewrite), (directory.to_owned(), 0));
    }

    #[test]
    fn values_texts_and_comments() {
        let domain = "<!-- /dev/a-b/x > --><disk type='volume' x = \"1\"><source pool='a-b' dev='/dev/mapper/a-&#x2d;b-x'/>\
                      <arg value='file=/dev/a-b/x,if=none&amp;'/><name>a-b</name></disk>";
        let after = "<!-- /dev/c-d/x > --><disk type='volume' x = \"1\"><source pool='a-b' dev='/dev/mapper/c--d-x'/>\
                     <arg value='file=/dev/c-d/x,if=none&amp;'/><name>a-b</name></disk>";
        assert_eq!(run(domain, rewrite), (after.to_owned(), 0));
    }

    #[test]
    fn parameters_of_a_cluster() {
        let cib = "<nvpair id='1' name='vgname' value='a-b'/><nvpair name='host' value='a-b'/><nvpair name='device' value='/dev/a-b/x'/>";
        let after = "<nvpair id='1' name='vgname' value='c-d'/><nvpair name='host' value='a-b'/><nvpair name='device' value='/dev/c-d/x'/>";
        assert_eq!(run(cib, cluster), (after.to_owned(), 0));
    }
}
