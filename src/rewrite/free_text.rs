//! Scripts, tables of commands, and settings without a grammar of their own. Unambiguous tokens change.
//! Bare names are shown.

use anyhow::Result;

use super::bare;
use super::commands;
use super::edit::Findings;
use super::elsewhere;
use super::matcher::Matcher;
use super::scan::{WORDS, scan};

/// cron, sudoers, logrotate, hooks, tools for backups and monitoring.
///
/// Volumes that a script creates count as the group's. A script is rewritten whole, or left whole and
/// shown.
pub fn rewrite(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    // The file may be a program where a script is expected. No byte of a program may move.
    if text.contains(&0) {
        scan(matcher, text, 0..text.len(), WORDS, &mut findings);
        commands::arguments(matcher, text, 0..text.len(), &mut findings);
        findings.leave(BINARY, |_| true);
        return Ok(findings);
    }
    let made = commands::made(matcher, text);
    let with_own = matcher.with_volumes(&made.volumes);
    let matcher = if made.volumes.is_empty() { matcher } else { &with_own };
    scan(matcher, text, 0..text.len(), WORDS, &mut findings);
    commands::arguments(matcher, text, 0..text.len(), &mut findings);
    elsewhere::leave(text, &mut findings);
    bare::words(matcher, text, 0..text.len(), &mut findings);
    commands::whole(text, &made, &mut findings);
    Ok(findings)
}

/// Reported for a file with NUL bytes.
const BINARY: &str = "is in a file with NUL bytes, which is not edited,";

/// A database: finds every form whose bytes are plain, and a group directly behind its key. Nothing
/// separates the columns of a record (sqlite.org/fileformat2.html, 2.1). For places that are only
/// reported.
pub fn database(matcher: &Matcher, text: &[u8]) -> Result<Findings> {
    let mut findings = Findings::default();
    scan(matcher, text, 0..text.len(), WORDS, &mut findings);
    bare::words_of_binary(matcher, text, &mut findings);
    for key in [&b"lvm.vg_name"[..], b"source"] {
        bare::behind(matcher, text, key, &mut findings);
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::{LvName, VgName};
    use crate::rewrite::edit::apply;
    use crate::rewrite::matcher::Volumes;

    fn found(text: &str) -> (String, Vec<String>) {
        let name = |name| VgName::new(name).unwrap();
        let known = BTreeSet::from(["home", "x"].map(|lv| LvName::new(lv).unwrap()));
        let matcher = Matcher::new(name("vg"), name("n-w"), Volumes::Known(known), BTreeSet::new());
        let findings = rewrite(&matcher, text.as_bytes()).unwrap();
        let after = String::from_utf8(apply(text.as_bytes(), &findings.edits)).unwrap();
        (after, findings.left.into_iter().map(|left| text[left.token].to_owned()).collect())
    }

    #[test]
    fn bare_names_are_shown_and_nothing_else() {
        for (text, bare) in [
            ("see vg vg_app xvg vg-b", vec!["vg"]),
            ("see vg/home or vg/nosuch; lvs vg/nosuch", vec!["vg/home", "vg/nosuch"]),
            ("see vg-home", vec!["vg-home"]),
            ("X=\"vg\" # vg\n# vg\n  ; vg", vec!["vg"]),
            ("lvcreate -n $x vg\nmount /dev/vg/old /x", vec!["vg", "/dev/vg/old"]),
            ("vgcreate vg /dev/sdb\nmkfs /dev/vg/home", vec!["vg", "/dev/vg/home"]),
            ("mount /dev/vg/home\0", vec!["/dev/vg/home"]),
            ("hostname = vg", vec![]),
            ("%vg ALL=(ALL) root@vg vg:/srv $vg ${vg} /srv/vg vg@x", vec![]),
        ] {
            assert_eq!(
                found(text),
                (text.to_owned(), bare.into_iter().map(str::to_owned).collect())
            );
        }
    }

    #[test]
    fn paths_in_command_lines() {
        for (text, after) in [
            ("x -f/dev/vg/home", "x -f/dev/n-w/home"),
            ("a=-/dev/mapper/vg-home", "a=-/dev/mapper/n--w-home"),
            ("x -v /dev/vg/x:/dev/vg/x", "x -v /dev/n-w/x:/dev/vg/x"),
            ("phy:/dev/vg/x,xvda", "phy:/dev/n-w/x,xvda"),
            (
                "systemctl start dev-mapper-vg\\\\x2dx.swap",
                "systemctl start dev-mapper-n\\\\x2d\\\\x2dw\\\\x2dx.swap",
            ),
            ("srv/dev/vg/home", "srv/dev/vg/home"),
            ("rm /dev/vg/*", "rm /dev/n-w/*"),
            (
                "mount /dev/mapper/vg-snap$x /dev/vg/snap-$x",
                "mount /dev/mapper/n--w-snap$x /dev/n-w/snap-$x",
            ),
            (
                "lvcreate -s -n snap vg/home && mount /dev/vg/snap /s\numount /dev/mapper/vg-snap; lvremove -f vg/snap",
                "lvcreate -s -n snap n-w/home && mount /dev/n-w/snap /s\numount /dev/mapper/n--w-snap; lvremove -f n-w/snap",
            ),
        ] {
            assert_eq!(found(text), (after.to_owned(), vec![]), "{text}");
        }
        for shown in ["scp nas:/dev/vg/home .", "systemctl start dev-vg-x.swap"] {
            let (after, left) = found(shown);
            assert_eq!((after.as_str(), left.len()), (shown, 1));
        }
    }
}
