//! Names in commands for another machine, a container or a guest: its group may have the same name.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::edit::Findings;

/// What such a name is reported with.
const ELSEWHERE: &str = "stands in a command for another machine";

/// What a name among a guest's kernel arguments is reported with.
pub(super) const GUEST: &str = "stands among what a virtual machine of this host is started with";

/// What carries the rest of its line to another machine, or into a container or a guest.
static CARRIER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?-u)(?:^|[\s;&|(`'"/])(?:(?:ssh|sshpass|pssh|pdsh|clush)[ \t]|(?:pct|lxc|incus|docker|podman|kubectl|machinectl)[ \t]+(?:exec|shell)[ \t]|qm[ \t]+guest[ \t]+exec[ \t]|lxc-attach[ \t]|(?:virt-install|kvm|qemu-kvm|qemu-system-[a-z0-9_]+)[ \t].*[ \t](?:-append|--append|-x|--extra-args)[ \t=]|guestmount[ \t].*[ \t](?:-m|--mount)[ \t=]*\z)"#,
    )
});

/// A line of which the following ones are another machine's script: `ssh nas <<EOF`.
static DOCUMENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?m-u)^.*(?:^|[\s;&|(/])(?:ssh|pct[ \t]+exec|docker[ \t]+exec|podman[ \t]+exec)[ \t].*<<-?[ \t]*["']?([A-Za-z_][A-Za-z0-9_]*)["']?.*$"#,
    )
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant")
}

/// Leaves and reports what a text's commands do elsewhere.
pub(super) fn leave(text: &[u8], findings: &mut Findings) {
    if findings.edits.is_empty() {
        return;
    }
    let documents = documents(text);
    leave_where(findings, ELSEWHERE, |token| {
        documents.iter().any(|document| document.contains(&token.start))
            || CARRIER.is_match(&text[command_start(text, token.start)..token.start])
    });
}

/// Leaves and reports the edits that `is_one` is true of.
pub(super) fn leave_where(
    findings: &mut Findings,
    why: &'static str,
    is_one: impl Fn(&Range<usize>) -> bool,
) {
    let (left, kept) = findings.edits.drain(..).partition::<Vec<_>, _>(|edit| is_one(&edit.token));
    findings.edits = kept;
    findings.left.extend(left.into_iter().map(|edit| edit.left(why)));
    findings.left.sort_by_key(|left| left.token.start);
}

/// Where the line of a command begins; one that ends in a backslash goes on in the next.
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

/// Lines that a shell sends to another machine.
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
