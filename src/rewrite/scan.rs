//! The shared token finder, for forms that are unambiguous everywhere in a text.
//!
//! It never searches for the bare name. It finds the start of a form (`/dev/`, `rd.lvm.lv=`, `lvm/`,
//! `dev-mapper-…`), takes the whole token, and asks the [`Matcher`].

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::edit::{Findings, Form, Left};
use super::matcher::{Matcher, Verdict};
pub use super::recorded::{match_decoded, record};
use super::unit_name;
use crate::names::is_name_byte;

/// The forms that have a meaning in a text. Device paths always do.
#[allow(clippy::struct_excessive_bools)] // each form is there or not, whatever the others are
#[derive(Debug, Clone, Copy)]
pub struct Forms {
    /// `rd.lvm.lv=` and `rd.lvm.vg=` of dracut.cmdline(7), also as `rd_LVM_LV=`.
    pub kernel_arguments: bool,
    /// `lvm/VG-LV`, and menu ids that end in a device path (`gnulinux-simple-/dev/mapper/…`).
    pub grub: bool,
    /// systemd unit names that stand for device paths.
    pub units: bool,
    /// Command lines of programs. A path may follow a prefix (`-/dev/…` in systemd.exec(5)) or an option's
    /// letter (`-f/dev/…`). A path after `host:` or `path:` does not belong to this system.
    pub words: bool,
}

/// Only device paths.
pub const PATHS: Forms = Forms { kernel_arguments: false, grub: false, units: false, words: false };
/// A kernel command line, or a text that contains one.
pub const KERNEL: Forms = Forms { kernel_arguments: true, units: true, ..PATHS };
/// GRUB's own files.
pub const GRUB: Forms = Forms { grub: true, ..KERNEL };
/// Lists of systemd units.
pub const UNITS: Forms = Forms { units: true, ..PATHS };
/// Scripts and command lines.
pub const WORDS: Forms = Forms { words: true, ..KERNEL };

/// The length of `lvm/`, the shorter of two forms that begin alike.
const LVM_SLASH: usize = 4;

/// The starts of all forms. One pass over the text finds them.
static STARTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?-u)/dev/|lvm://|lvm/|lvm=|lvm-activate-|dev-|rd[._](?:lvm|LVM)[._](?:lv|vg|LV|VG)=",
    )
    .expect("the pattern is a constant")
});

/// Reported with the token of an unknown volume.
pub(super) const UNKNOWN_VOLUME: &str = "fits the group, but the group has no such volume";

/// Reported with a path after a colon.
const ELSEWHERE: &str = "follows what may be another machine's name";

/// Words before a colon that are not machines: disks in xl.cfg(5) and lxc.container.conf(5).
const SCHEMES: &[&[u8]] =
    &[b"phy", b"lvm", b"file", b"block", b"blkdev", b"loop", b"raw", b"dev", b"device", b"fs"];

/// Adds every token in `span` of `text` that names the group to `findings`.
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
    /// Looks at the form that starts at `at`. Returns where to continue.
    fn token(&mut self, at: usize, behind: usize) -> usize {
        match self.text[at] {
            b'/' => self.device_path(at),
            b'r' if self.forms.kernel_arguments && self.starts_token(at) => {
                self.kernel_argument(behind)
            }
            b'l' if self.text[at..behind].ends_with(b"=") => self.crypt_option(at, behind),
            b'l' if self.text[at..behind].ends_with(b"//") => self.backup_point(behind),
            b'l' if behind - at > LVM_SLASH => self.activation_unit(at, behind),
            b'l' if self.forms.grub && self.starts_grub_disk(at) => self.grub_disk(behind),
            b'd' if self.forms.units => self.unit_name(at),
            _ => behind,
        }
    }

    fn device_path(&mut self, at: usize) -> usize {
        let end = self.run(at, |byte| is_name_byte(byte) || byte == b'/');
        // In `file:///dev/vg/lv` (RFC 8089), there is no machine's name between the slashes.
        let is_url = self.text[self.span.start..at].ends_with(b"file://");
        let starts = is_url || self.starts_token(at) || self.ends_menu_id(at);
        if !starts || self.continues_escaped(end) || self.is_on_a_server(at) {
            return end;
        }
        let behind_colon = if self.forms.words { self.word_behind_colon(at) } else { None };
        if behind_colon.is_some_and(|word| word.starts_with(b"/")) {
            return end;
        }
        // A full stop may be part of a name, but may also end a sentence in a comment. A slash may precede
        // a wildcard.
        let mut token = at..end;
        let mut verdict = self.matcher.path(&self.text[token.clone()]);
        while !matches!(verdict, Verdict::Ours(_))
            && matches!(self.text[token.end - 1], b'.' | b'/')
        {
            token.end -= 1;
            verdict = self.matcher.path(&self.text[token.clone()]);
        }
        if self.forms.words && !matches!(verdict, Verdict::Ours(_)) && self.is_expanded(end) {
            token = at..end;
            verdict = self.matcher.path_beginning(&self.text[token.clone()]);
        }
        if self.is_mounted(at) {
            verdict = verdict.device();
        }
        if behind_colon.is_some() && matches!(verdict, Verdict::Ours(_)) {
            self.findings.left.push(Left { token, why: ELSEWHERE });
        } else {
            record(self.findings, verdict, token);
        }
        end
    }

    /// The value of `rd.lvm.lv=VG/LV` or `rd.lvm.vg=VG`, with or without quotes.
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

    /// `cryptopts=target=…,source=…,lvm=VG-LV` of initramfs-tools (cryptsetup
    /// debian/initramfs/hooks/cryptroot), also as `CRYPTROOT=` in its conf.d.
    fn crypt_option(&mut self, at: usize, name: usize) -> usize {
        let before = &self.text[self.span.start..at];
        let word = before.iter().rposition(|byte| b" \t\n\"'".contains(byte));
        let word = &before[word.map_or(0, |at| at + 1)..];
        let has = |part: &[u8]| memchr::memmem::find(word, part).is_some();
        let end = self.run(name, is_name_byte);
        if word.ends_with(b",") && (has(b"source=") || has(b"target=") || has(b"cryptopts=")) {
            let verdict = self.matcher.dm_name(&self.text[name..end], Form::DmName);
            record(self.findings, verdict, name..end);
        }
        end
    }

    /// `lvm://VG/LV/path` of rsnapshot(1).
    fn backup_point(&mut self, group: usize) -> usize {
        let end = self.run(group, is_name_byte);
        if self.forms.words && self.text.get(end) == Some(&b'/') {
            let end = self.run(end + 1, is_name_byte);
            let verdict = self.matcher.slash_pair(&self.text[group..end], Form::VgLv);
            record(self.findings, verdict, group..end);
        }
        end
    }

    /// `lvm/VG-LV` of GRUB (grub-core/osdep/devmapper/getroot.c). A comma and a partition may follow.
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
            // A unit's name may be the end of a sentence, or be followed by a colon.
            let token = &self.text[at..end];
            let kept = token.iter().rposition(|byte| !matches!(byte, b'.' | b':'));
            let token = at..at + kept.map_or(0, |last| last + 1);
            unit_name::record(self.matcher, self.text, token, self.forms.words, self.findings);
        }
        end
    }

    /// `lvm-activate-VG.service` (lvm2 udev/69-dm-lvm.rules.in).
    fn activation_unit(&mut self, at: usize, name: usize) -> usize {
        let end = self.run(name, is_name_byte);
        if self.forms.units && self.starts_token(at) {
            let group = self.text[name..end].strip_suffix(b".service").unwrap_or_default();
            record(self.findings, self.matcher.group(group), name..name + group.len());
        }
        end
    }

    /// The end of the run of bytes for which `fits` is true.
    fn run(&self, from: usize, fits: impl Fn(u8) -> bool) -> usize {
        let length = self.text[from..self.span.end].iter().position(|byte| !fits(*byte));
        length.map_or(self.span.end, |length| from + length)
    }

    /// Whether a token may start here: the byte before it is not part of a name, path or escape.
    fn starts_token(&self, at: usize) -> bool {
        let part_of_another = |byte: u8| {
            is_name_byte(byte)
                || matches!(byte, b'/' | b'\\' | b'}' | b')' | b']' | b'*' | b'?' | b'~' | b'%')
        };
        at == self.span.start
            || !part_of_another(self.text[at - 1])
            || (self.forms.words && self.follows_option(at))
    }

    /// Whether only a prefix of systemd or an option's letter is between the last blank and here.
    fn follows_option(&self, at: usize) -> bool {
        let before = &self.text[self.span.start..at];
        let ends_word =
            |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'=');
        let word = before.iter().rposition(ends_word).map_or(before, |end| &before[end + 1..]);
        match word {
            [b'-' | b'+'] => true,
            [b'-', letter] => letter.is_ascii_alphabetic(),
            _ => false,
        }
    }

    /// The word before a colon that a path follows: the name of a machine, or a path that is mapped to
    /// another one. None if there is no such colon, or if the word is a scheme.
    fn word_behind_colon(&self, at: usize) -> Option<&[u8]> {
        let before = self.text[self.span.start..at].strip_suffix(b":")?;
        let ends_word = |byte: &u8| {
            byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'=' | b',' | b'(' | b';')
        };
        let word = before.iter().rposition(ends_word).map_or(before, |end| &before[end + 1..]);
        (!word.is_empty() && !SCHEMES.contains(&word)).then_some(word)
    }

    fn starts_grub_disk(&self, at: usize) -> bool {
        at == self.span.start
            || matches!(self.text[at - 1], b'\'' | b'"' | b'(' | b'=' | b' ' | b'\t' | b',')
    }

    /// Whether the first part of a GRUB menu id ends here: `gnulinux-advanced-` (util/grub.d/10_linux.in),
    /// or that of an entry written by hand.
    fn ends_menu_id(&self, at: usize) -> bool {
        self.forms.grub && at > self.span.start && self.text[at - 1] == b'-'
    }

    /// Whether a shell's expansion or a wildcard follows the path.
    fn is_expanded(&self, at: usize) -> bool {
        self.text[at..self.span.end].first().is_some_and(|byte| b"$*?[{%`".contains(byte))
    }

    /// Whether a path is the source of a mount, or the device that a kernel resumes from.
    fn is_mounted(&self, at: usize) -> bool {
        let before = &self.text[self.span.start..at];
        [&b"root="[..], b"resume=", b"mount.usr="].iter().any(|key| before.ends_with(key))
    }

    /// Whether the path is on an NFS server (Linux Documentation/admin-guide/nfs/nfsroot.rst).
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

    /// Whether an escape continues the name (`\x2d`, `\040`). `\"` and the backslash at a line's end do
    /// not.
    fn continues_escaped(&self, at: usize) -> bool {
        matches!(self.text[at..self.span.end], [b'\\', b'0'..=b'7' | b'x', ..])
    }
}
