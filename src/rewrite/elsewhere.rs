//! Names in commands for another machine, a container or a guest, whose group may have the same name.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::edit::Findings;

/// Reported with such a name.
const ELSEWHERE: &str = "is in a command for another machine";

/// Reported with a name in a guest's kernel arguments.
pub(super) const GUEST: &str =
    "is among the arguments that a virtual machine of this host is started with";

/// A program that runs the rest of its line on another machine, or in a container or guest.
static CARRIER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?-u)(?:^|[\s;&|(`'"/])(?:(?:ssh|sshpass|pssh|pdsh|clush)[ \t]|(?:pct|lxc|incus|docker|podman|kubectl|machinectl)[ \t]+(?:exec|shell)[ \t]|qm[ \t]+guest[ \t]+exec[ \t]|lxc-attach[ \t]|check_(?:nrpe|by_ssh)[! \t]|(?:virt-install|kvm|qemu-kvm|qemu-system-[a-z0-9_]+)[ \t](?:.*[ \t])?(?:-append|--append|-x|--extra-args)[ \t=]|guestmount[ \t](?:.*[ \t])?(?:-m|--mount)[ \t=]*\z)"#,
    )
});

/// A line that starts a script for another machine on the following lines: `ssh nas <<EOF`.
static DOCUMENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?m-u)^.*(?:^|[\s;&|(/])(?:ssh|pct[ \t]+exec|docker[ \t]+exec|podman[ \t]+exec)[ \t].*<<-?[ \t]*["']?([A-Za-z_][A-Za-z0-9_]*)["']?.*$"#,
    )
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant")
}

/// Leaves and reports the names in commands that run elsewhere.
pub(super) fn leave(text: &[u8], findings: &mut Findings) {
    if findings.edits.is_empty() {
        return;
    }
    let documents = documents(text);
    findings.leave(ELSEWHERE, |token| {
        documents.iter().any(|document| document.contains(&token.start))
            || CARRIER.is_match(&text[command_start(text, token.start)..token.start])
    });
}

/// Where the line of a command begins. A line that ends in a backslash continues on the next one.
fn command_start(text: &[u8], at: usize) -> usize {
    let mut start = at;
    loop {
        start = memchr::memrchr(b'\n', &text[..start]).map_or(0, |end| end + 1);
        if start < 2 || text[start - 2] != b'\\' {
            return start;
        }
        start -= 1;
    }
}

/// Lines that a shell sends to another machine (here-documents).
fn documents(text: &[u8]) -> Vec<Range<usize>> {
    DOCUMENT
        .captures_iter(text)
        .map(|found| {
            let start = found.get(0).map_or(0, |line| line.end());
            let tag = &found[1];
            let mut at = start + 1;
            for line in text.get(at..).unwrap_or_default().split(|byte| *byte == b'\n') {
                if line.trim_ascii() == tag {
                    break;
                }
                at += line.len() + 1;
            }
            start..at.min(text.len())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::names::{LvName, VgName};
    use crate::rewrite::edit::apply;
    use crate::rewrite::free_text;
    use crate::rewrite::matcher::{Matcher, Volumes};

    /// The text afterwards, and the number of reported names.
    fn run(text: &str) -> (String, usize) {
        let name = |name| VgName::new(name).unwrap();
        let known = BTreeSet::from(["data", "root"].map(|lv| LvName::new(lv).unwrap()));
        let matcher =
            Matcher::new(name("vg0"), name("n-w"), Volumes::Known(known), BTreeSet::new());
        let findings = free_text::rewrite(&matcher, text.as_bytes()).unwrap();
        let after = apply(text.as_bytes(), &findings.edits);
        (String::from_utf8(after).unwrap(), findings.left.len())
    }

    #[test]
    fn what_another_machine_does_stays_and_is_shown() {
        for (text, shown) in [
            ("ssh nas 'lvremove -f vg0/data'", 1),
            ("/usr/bin/ssh -t nas \\\n\tsudo lvextend -L+1G /dev/vg0/data", 1),
            ("ssh nas <<EOF\nlvs vg0\nmount /dev/vg0/data /mnt\nEOF", 2),
            ("pct exec 101 -- mount /dev/vg0/data /mnt", 1),
            ("kvm -kernel k -append \"root=/dev/vg0/root ro\"", 1),
            ("virt-install --extra-args 'root=/dev/vg0/root'", 1),
            ("command check_nrpe!check_disk!/dev/mapper/vg0-data", 1),
        ] {
            assert_eq!(run(text), (text.to_owned(), shown), "{text}");
        }
    }

    #[test]
    fn what_this_machine_does_changes() {
        for (text, after, shown) in [
            (
                "dd if=/dev/vg0/data | ssh nas \"dd of=/dev/vg0/data\"",
                "dd if=/dev/n-w/data | ssh nas \"dd of=/dev/vg0/data\"",
                1,
            ),
            (
                "ssh nas <<EOF\nlvs\nEOF\nmount /dev/vg0/data /mnt",
                "ssh nas <<EOF\nlvs\nEOF\nmount /dev/n-w/data /mnt",
                0,
            ),
            ("docker run --device /dev/vg0/data img", "docker run --device /dev/n-w/data img", 0),
            (
                "kexec -l /k --append=root=/dev/vg0/root",
                "kexec -l /k --append=root=/dev/n-w/root",
                0,
            ),
            ("ssh-keyscan x; lvs vg0", "ssh-keyscan x; lvs n-w", 0),
        ] {
            assert_eq!(run(text), (after.to_owned(), shown), "{text}");
        }
    }

    #[test]
    fn a_variable_that_becomes_part_of_a_dm_name_is_shown() {
        for (text, after, shown) in [
            ("VG=vg0\nmount /dev/$VG/data /x", "VG=n-w\nmount /dev/$VG/data /x", 0),
            ("VG=\"${1:-vg0}\"", "VG=\"${1:-vg0}\"", 1),
            ("VG=\"${VG:-vg0}\"", "VG=\"${VG:-n-w}\"", 0),
            (
                "VG=vg0\nmount /dev/mapper/${VG}-data /x",
                "VG=vg0\nmount /dev/mapper/${VG}-data /x",
                1,
            ),
            ("VG=vg0\nmount /dev/mapper/$VGS-data /x", "VG=n-w\nmount /dev/mapper/$VGS-data /x", 0),
        ] {
            assert_eq!(run(text), (after.to_owned(), shown), "{text}");
        }
    }

    #[test]
    fn patterns_around_a_dm_name_are_shown() {
        for (text, shown) in [
            ("df | awk '/vg0-data/ { print $3 }'", 1),
            ("sed -i '/\\/mapper\\/vg0-data/d' /etc/fstab", 1),
            ("find /dev/mapper -name 'vg0-*'", 1),
            ("ls /srv/vg0-data.txt /srv/vg0*/x", 0),
        ] {
            assert_eq!(run(text), (text.to_owned(), shown), "{text}");
        }
    }
}
