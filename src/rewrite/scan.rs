//! The shared token finder: forms that are unambiguous wherever they stand in a text.
//!
//! It never looks for the bare name. It finds the start of a form (`/dev/`, `rd.lvm.lv=`, `lvm/`,
//! `dev-mapper-…`), takes the whole token, and asks the [`Matcher`].

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::edit::{Edit, Findings, Form, Left};
use super::matcher::{Hit, Matcher, Verdict};
use crate::names::{is_name_byte, unit};

/// Which forms mean something in a text, beside device paths, which mean the same everywhere.
#[derive(Debug, Clone, Copy)]
pub struct Forms {
    /// `rd.lvm.lv=`, `rd.lvm.vg=` of dracut.cmdline(7), also as `rd_LVM_LV=`.
    pub kernel_arguments: bool,
    /// `lvm/VG-LV`, and menu ids that end in a device path (`gnulinux-simple-/dev/mapper/…`).
    pub grub: bool,
    /// systemd unit names that stand for device paths.
    pub units: bool,
}

/// Device paths alone.
pub const PATHS: Forms = Forms { kernel_arguments: false, grub: false, units: false };
/// A kernel command line, or a text that holds one.
pub const KERNEL: Forms = Forms { kernel_arguments: true, grub: false, units: true };
/// GRUB's own files.
pub const GRUB: Forms = Forms { kernel_arguments: true, grub: true, units: true };

/// The starts of all forms; one pass over the text finds them.
static STARTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u)/dev/|lvm/|dev-|rd[._](?:lvm|LVM)[._](?:lv|vg|LV|VG)=")
        .expect("the pattern is a constant")
});

/// What an unknown volume's token is reported with.
const UNKNOWN_VOLUME: &str = "fits the group, but the group has no such volume";

/// Adds to `findings` every token inside `span` of `text` that names the group.
pub fn scan(
    matcher: &Matcher,
    text: &[u8],
    span: Range<usize>,
    forms: Forms,
    findings: &mut Findings,
) {
    let mut from = span.start;
    let mut scanner = Scanner { matcher, text, span, forms, findings };
    while let Some(start) = STARTS.find(&text[from..scanner.span.end]) {
        from = scanner.token(from + start.start(), from + start.end());
    }
}

struct Scanner<'a> {
    matcher: &'a Matcher,
    text: &'a [u8],
    span: Range<usize>,
    forms: Forms,
    findings: &'a mut Findings,
}

impl Scanner<'_> {
    /// Looks at the form that starts at `at`; returns where to go on.
    fn token(&mut self, at: usize, behind: usize) -> usize {
        match self.text[at] {
            b'/' => self.device_path(at),
            b'r' if self.forms.kernel_arguments && self.starts_token(at) => {
                self.kernel_argument(behind)
            }
            b'l' if self.forms.grub && self.starts_grub_disk(at) => self.grub_disk(behind),
            b'd' if self.forms.units => self.unit_name(at),
            _ => behind,
        }
    }

    fn device_path(&mut self, at: usize) -> usize {
        let end = self.run(at, |byte| is_name_byte(byte) || byte == b'/');
        let starts = self.starts_token(at) || self.ends_menu_id(at);
        if !starts || self.continues_escaped(end) || self.is_on_a_server(at) {
            return end;
        }
        // A full stop is a name's character and may as well end a comment's sentence; a slash may
        // stand before a wildcard.
        let mut token = at..end;
        let mut verdict = self.matcher.path(&self.text[token.clone()]);
        while !matches!(verdict, Verdict::Ours(_))
            && matches!(self.text[token.end - 1], b'.' | b'/')
        {
            token.end -= 1;
            verdict = self.matcher.path(&self.text[token.clone()]);
        }
        record(self.findings, verdict, token);
        end
    }

    /// The value of `rd.lvm.lv=VG/LV` or `rd.lvm.vg=VG`, plain or quoted.
    fn kernel_argument(&mut self, value: usize) -> usize {
        let start = self.run(value, |byte| matches!(byte, b'"' | b'\''));
        let end = self.run(start, |byte| is_name_byte(byte) || byte == b'/');
        let token = &self.text[start..end];
        let names_group = matches!(self.text[value - 2], b'g' | b'G');
        let verdict = if token.starts_with(b"/dev/") {
            self.matcher.path(token)
        } else if names_group {
            self.matcher.group(token)
        } else {
            self.matcher.slash_pair(token, Form::VgLv)
        };
        record(self.findings, verdict, start..end);
        end
    }

    /// `lvm/VG-LV` of GRUB (grub-core/osdep/devmapper/getroot.c); a partition may follow a comma.
    fn grub_disk(&mut self, name: usize) -> usize {
        let end = self.run(name, is_name_byte);
        if self.text.get(end) != Some(&b'/') {
            let verdict = self.matcher.dm_name(&self.text[name..end], Form::GrubDisk);
            record(self.findings, verdict, name..end);
        }
        end
    }

    fn unit_name(&mut self, at: usize) -> usize {
        let end = self.run(at, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-' | b'\\')
        });
        if self.starts_token(at) {
            record_unit(self.matcher, self.text, at..end, self.findings);
        }
        end
    }

    /// The end of the run of bytes that fit.
    fn run(&self, from: usize, fits: impl Fn(u8) -> bool) -> usize {
        let length = self.text[from..self.span.end].iter().position(|byte| !fits(*byte));
        length.map_or(self.span.end, |length| from + length)
    }

    /// Whether a token may start here: what stands before it is no part of a name, path or escape.
    fn starts_token(&self, at: usize) -> bool {
        let part_of_another = |byte: u8| {
            is_name_byte(byte)
                || matches!(byte, b'/' | b'\\' | b'}' | b')' | b']' | b'*' | b'?' | b'~' | b'%')
        };
        at == self.span.start || !part_of_another(self.text[at - 1])
    }

    fn starts_grub_disk(&self, at: usize) -> bool {
        at == self.span.start
            || matches!(self.text[at - 1], b'\'' | b'"' | b'(' | b'=' | b' ' | b'\t' | b',')
    }

    /// Whether the front part of a GRUB menu id ends here: `gnulinux-advanced-` (util/grub.d/10_linux.in)
    /// or a hand-written entry's own.
    fn ends_menu_id(&self, at: usize) -> bool {
        self.forms.grub && at > self.span.start && self.text[at - 1] == b'-'
    }

    /// Whether the path is one of an NFS server (Linux Documentation/admin-guide/nfs/nfsroot.rst).
    fn is_on_a_server(&self, at: usize) -> bool {
        let before = &self.text[self.span.start..at];
        let Some(before) = before.strip_suffix(b":") else { return false };
        let word =
            before.iter().rposition(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'"' | b'\''));
        let word = &before[word.map_or(0, |at| at + 1)..];
        [&b"nfsroot="[..], b"root=nfs", b"netroot=", b"root=iscsi", b"root=nbd"]
            .iter()
            .any(|key| word.starts_with(key))
    }

    /// Whether an escape goes on with the name (`\x2d`, `\040`); `\"` and a line's continuation do not.
    fn continues_escaped(&self, at: usize) -> bool {
        matches!(self.text[at..self.span.end], [b'\\', b'0'..=b'7' | b'x', ..])
    }
}

/// Records what the matcher says of the token at `token`.
pub fn record(findings: &mut Findings, verdict: Verdict, token: Range<usize>) {
    match verdict {
        Verdict::Foreign => {}
        Verdict::UnknownVolume => findings.left.push(Left { token, why: UNKNOWN_VOLUME }),
        Verdict::Ours(Hit { group, new, form, volume }) => findings.edits.push(Edit {
            range: token.start + group.start..token.start + group.end,
            new: new.into_bytes(),
            token,
            form,
            volume,
        }),
    }
}

/// Compares a whole unit name, suffix included, by the path that it stands for. False where the
/// token is no unit name.
pub fn record_unit(
    matcher: &Matcher,
    text: &[u8],
    token: Range<usize>,
    findings: &mut Findings,
) -> bool {
    let name = &text[token.clone()];
    let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else { return false };
    if !matches!(&name[dot..], b".device" | b".swap" | b".mount" | b".automount") {
        return false;
    }
    let Some(decoded) = unit::unescape(&name[..dot]) else { return false };
    let mut verdict = match_decoded(matcher, &decoded, unit::escape);
    if let Verdict::Ours(hit) = &mut verdict {
        hit.form = Form::UnitName;
    }
    record(findings, verdict, token);
    true
}

/// Asks the matcher about a path that is escaped in the file; the hit's range is that of the escaped
/// text, and the new name is spelled by `encode`.
pub fn match_decoded(
    matcher: &Matcher,
    decoded: &[(u8, Range<usize>)],
    encode: impl Fn(&str) -> String,
) -> Verdict {
    let path: Vec<u8> = decoded.iter().map(|(byte, _)| *byte).collect();
    match matcher.path(&path) {
        Verdict::Ours(hit) => Verdict::Ours(Hit {
            group: decoded[hit.group.start].1.start..decoded[hit.group.end - 1].1.end,
            new: encode(&hit.new),
            ..hit
        }),
        other => other,
    }
}
