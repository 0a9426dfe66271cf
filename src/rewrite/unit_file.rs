//! systemd's unit files and drop-ins, and Podman's quadlets (systemd.syntax(7), systemd.unit(5),
//! podman-systemd.unit(5)).

use std::ops::Range;

use anyhow::Result;

use super::bare;
use super::commands;
use super::edit::Findings;
use super::fields::{comment, option_field};
use super::lines::{lines, trimmed};
use super::matcher::Matcher;
use super::scan::{UNITS, WORDS, record, scan};

/// Mount points and prose, which never change: a directory may have any name.
const NEVER: &[&[u8]] =
    &[b"Where", b"Description", b"Documentation", b"RequiresMountsFor", b"WantsMountsFor"];

/// Lists of units, in which a backslash is not an escape character of the list.
const UNIT_LISTS: &[&[u8]] = &[
    b"After",
    b"Before",
    b"Requires",
    b"Requisite",
    b"Wants",
    b"BindsTo",
    b"PartOf",
    b"Upholds",
    b"Conflicts",
    b"OnFailure",
    b"OnSuccess",
    b"PropagatesReloadTo",
    b"ReloadPropagatedFrom",
    b"PropagatesStopTo",
    b"StopPropagatedFrom",
    b"JoinsNamespaceOf",
    b"WantedBy",
    b"RequiredBy",
    b"UpheldBy",
    b"Alias",
    b"Also",
    b"Unit",
    b"Service",
    b"Sockets",
];

/// Rewrites the whole value of `What=`, units in lists of units, and device paths in all other values.
/// Bare names in commands are shown. A comment between two parts of a continued line is still a comment.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    let made = commands::made(matcher, text);
    let with_own = matcher.with_volumes(&made.volumes);
    let matcher = if made.volumes.is_empty() { matcher } else { &with_own };
    let mut continued: Option<&[u8]> = None;
    for line in lines(text) {
        let bytes = text[line.clone()].trim_ascii();
        if matches!(bytes.first(), Some(b'#' | b';')) {
            comment(matcher, text, line, &mut findings);
            continue;
        }
        let (key, span) = match (continued, text[line.clone()].iter().position(|b| *b == b'=')) {
            (Some(key), _) => (key, line),
            (None, Some(equals)) => {
                let key = text[line.start..line.start + equals].trim_ascii();
                (key, line.start + equals + 1..line.end)
            }
            (None, None) => continue,
        };
        continued = bytes.ends_with(b"\\").then_some(key);
        value(matcher, text, key, span, &mut findings);
    }
    commands::whole(text, &made, &mut findings);
    Ok(findings)
}

fn value(matcher: &Matcher, text: &[u8], key: &[u8], span: Range<usize>, findings: &mut Findings) {
    match key {
        key if NEVER.contains(&key) => {}
        key if UNIT_LISTS.contains(&key) => scan(matcher, text, span, UNITS, findings),
        b"What" => {
            let span = trimmed(text, span);
            record(findings, matcher.path(&text[span.clone()]).device(), span);
        }
        b"Options" => option_field(matcher, text, trimmed(text, span), findings),
        _ => {
            scan(matcher, text, span.clone(), WORDS, findings);
            if key.starts_with(b"Exec") || key == b"Environment" {
                commands::arguments(matcher, text, span.clone(), findings);
                bare::words(matcher, text, span, findings);
            }
        }
    }
}

/// For the bridge: the key of the setting that contains a byte. None in comments.
pub fn key_of(text: &[u8], at: usize) -> Option<&[u8]> {
    let mut continued: Option<&[u8]> = None;
    for line in lines(text) {
        let bytes = text[line.clone()].trim_ascii();
        let is_comment = matches!(bytes.first(), Some(b'#' | b';'));
        let equals = bytes.iter().position(|byte| *byte == b'=');
        let key = continued.or_else(|| equals.map(|equals| bytes[..equals].trim_ascii()));
        if line.contains(&at) {
            return key.filter(|_| !is_comment);
        }
        if !is_comment {
            continued = key.filter(|_| bytes.ends_with(b"\\"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::{LvName, VgName};
    use crate::rewrite::edit::apply;
    use crate::rewrite::matcher::Volumes;

    #[track_caller]
    fn becomes(before: &str, after: &str, left: usize) {
        let name = |name| VgName::new(name).unwrap();
        let known = BTreeSet::from(["home", "x"].map(|lv| LvName::new(lv).unwrap()));
        let matcher = Matcher::new(name("a-b"), name("c"), Volumes::Known(known), BTreeSet::new());
        let findings = rewrite(&matcher, before.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(apply(before.as_bytes(), &findings.edits)).unwrap(), after);
        assert_eq!(findings.left.len(), left, "{:?}", findings.left);
    }

    #[test]
    fn keys_decide() {
        becomes(
            "What=/dev/a-b/home\r\nWhere=/dev/a-b/home",
            "What=/dev/c/home\r\nWhere=/dev/a-b/home",
            0,
        );
        becomes("What=nas:/dev/a-b/home", "What=nas:/dev/a-b/home", 0);
        becomes("Description=on /dev/a-b/home", "Description=on /dev/a-b/home", 0);
        becomes("ReadOnlyPaths=-/dev/a-b/home", "ReadOnlyPaths=-/dev/c/home", 0);
        becomes("BindPaths=/dev/a-b/x:/dev/a-b/x", "BindPaths=/dev/c/x:/dev/a-b/x", 0);
        becomes(
            "ExecStart=vgs a-b \\\n  # a-b /dev/a-b/x\n  a-b",
            "ExecStart=vgs c \\\n  # a-b /dev/c/x\n  a-b",
            1,
        );
        becomes(
            "ExecStop=lvremove -f a-b/{x,/dev/a-b/home,y}",
            "ExecStop=lvremove -f c/{x,/dev/c/home,y}",
            0,
        );
        becomes(
            "Options=logdev=/dev/a-b/x,x-systemd.requires-mounts-for=/dev/a-b/x",
            "Options=logdev=/dev/c/x,x-systemd.requires-mounts-for=/dev/a-b/x",
            0,
        );
    }

    #[test]
    fn units_and_instances() {
        becomes(
            "After=dev-a\\x2db-home.device \\\n systemd-fsck@dev-mapper-a\\x2d\\x2db\\x2dx.service lvm-activate-a-b.service lvm-activate-a.service",
            "After=dev-c-home.device \\\n systemd-fsck@dev-mapper-c\\x2dx.service lvm-activate-c.service lvm-activate-a.service",
            0,
        );
        becomes("Environment=U=dev-a\\\\x2db-home.device", "Environment=U=dev-c-home.device", 0);
    }

    #[test]
    fn keys_of_places() {
        let text = b"[Unit]\nAfter=x \\\n# y\n z\n# What=q\nWhat=/dev/x";
        let key = |what: &str| {
            let at = text.windows(what.len()).position(|part| part == what.as_bytes()).unwrap();
            key_of(text, at).map(|key| String::from_utf8_lossy(key).into_owned())
        };
        assert_eq!(key("z").as_deref(), Some("After"));
        assert_eq!(key("y"), None);
        assert_eq!(key("q"), None);
        assert_eq!(key("/dev").as_deref(), Some("What"));
    }
}
