//! Decides which candidates in a text name the group: the exact part of the search.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::around::{line_around, run, run_length};
use super::escaped::{decode, single_backslashes};
use super::finding::{Form, Own};
use super::spelling::Spellings;
use super::word::{Sieve, is_about_lvm};
use crate::names::{VgName, is_name_byte, unit};
use crate::rewrite::commands;
use crate::rewrite::edit::{self, Findings};
use crate::rewrite::matcher::{Hit as Match, Matcher, Verdict};
use crate::rewrite::scan::{GRUB, scan};
use crate::rewrite::{Place, Rewrite, Treatment};

/// What the search looks for.
#[derive(Debug)]
pub struct Wanted {
    name: VgName,
    pub(super) spellings: Spellings,
    matcher: Matcher,
    /// Whether the group's volumes are known. Only then can `VG/LV` be distinguished from a path.
    by_volume: bool,
    /// Whether the name may be any word of a text, because it has only letters.
    is_word: bool,
}

/// One token that names the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) token: Range<usize>,
    pub(super) form: Form,
    /// Whether the reader of the file takes the token for a name. Nobody reads comments, and the reader of
    /// a known place takes only what its rewriter finds.
    pub(super) is_read: bool,
}

/// The part of a line that makes the next word a group: `vgname vg`, `volume_group = vg`,
/// `ENV{DM_VG_NAME}=="vg"`.
static KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i-u)(?:volume_list\s*=\s*\[[^\]]*["']|(?:\bvg|_vg|vg_?name|volume[_-]?group)["'}\]]*\s*(?:==?|:)\s*|\bvg_?name\s+)["']?\z"#,
    )
    .expect("the pattern is a constant")
});

impl Wanted {
    /// `matcher` compares tokens with the group `name`. `by_volume` says whether it knows the volumes.
    pub fn new(name: VgName, matcher: Matcher, by_volume: bool) -> Self {
        let is_word = name.as_str().bytes().all(|byte| byte.is_ascii_alphabetic());
        Self { spellings: Spellings::of(&name), name, matcher, by_volume, is_word }
    }

    /// What the search looks for, in the spelling for messages.
    pub fn said(&self) -> String {
        self.matcher.said()
    }

    /// Every spelling of the name, with which a person or another program can search.
    pub fn literals(&self) -> impl Iterator<Item = &[u8]> {
        self.spellings.literals()
    }

    /// Whether the name may be any word of a text.
    pub(super) fn is_word(&self) -> bool {
        self.is_word
    }

    /// Whether the text needs an exact check. A name that is an ordinary word is everywhere. For such a
    /// name, only places count that [`Wanted::hits`] may take for the group.
    pub(super) fn may_be_in(&self, text: &[u8]) -> bool {
        let Some(first) = self.spellings.find(text, 0) else { return false };
        if !self.is_word {
            return true;
        }
        let mut sieve = Sieve::new(text);
        let mut found = first;
        loop {
            if sieve.lets_through(&found) {
                return true;
            }
            let Some(next) = self.spellings.find(text, found.end) else { return false };
            found = next;
        }
    }

    /// Whether the decision needs whole lines, so that lines must not be split.
    pub(super) fn needs_lines(&self) -> bool {
        self.is_word
    }

    /// The tokens of a text that name the group, in the text's order. `place` is the known place of the
    /// text.
    pub(super) fn hits(&self, text: &[u8], place: Option<&Place>) -> Vec<Hit> {
        let rewrite: Option<Rewrite> = place.map(|place| place.rewrite);
        let found = rewrite.and_then(|rewrite| rewrite(&self.matcher, text).ok());
        // A script has no row of its own, and nothing is known about how it reads a name.
        let is_known = found.is_some() && place.is_some_and(|place| !place.pattern.is_empty());
        let found = found.unwrap_or_else(|| {
            let mut findings = Findings::default();
            scan(&self.matcher, text, 0..text.len(), GRUB, &mut findings);
            if memchr::memchr(0, text).is_none() {
                commands::arguments(&self.matcher, text, 0..text.len(), &mut findings);
            }
            findings
        });
        let edits = found.edits.into_iter().filter(|edit| edit.form != edit::Form::Padding);
        let mut hits: Vec<Hit> =
            edits.map(|edit| hit(text, edit.token, Form::Known(edit.form), true)).collect();
        hits.extend(found.left.into_iter().filter_map(|left| self.left(text, left.token, place)));
        hits.sort_by_key(|hit| hit.token.start);
        let mut more = Vec::new();
        let (mut from, mut covered) = (0, 0);
        while let Some(candidate) = self.spellings.find(text, from) {
            from = candidate.end;
            while hits.get(covered).is_some_and(|hit| hit.token.end <= candidate.start) {
                covered += 1;
            }
            if hits.get(covered).is_some_and(|hit| hit.token.start < candidate.end) {
                continue;
            }
            if let Some((token, form)) = self.classify(text, candidate) {
                from = from.max(token.end);
                more.push(hit(text, token, form, !is_known));
            }
        }
        hits.extend(more);
        hits.sort_by_key(|hit| hit.token.start);
        hits
    }

    /// The hit for a token that a rewriter left to a person. The state of a program has the name in fields
    /// of its own, so the text around it does not matter.
    fn left(&self, text: &[u8], token: Range<usize>, place: Option<&Place>) -> Option<Hit> {
        let word = &text[token.clone()];
        let is_reported =
            place.is_some_and(|place| matches!(place.treatment, Treatment::Reported(_)));
        if *word == *self.name.as_str().as_bytes() {
            self.matcher.old_name()?;
            if is_reported {
                return Some(hit(text, token, Form::Known(edit::Form::VgName), true));
            }
            return self.bare(text, token).map(|(token, form)| hit(text, token, form, true));
        }
        if is_reported && self.matcher.is_dm_name(word) {
            return Some(hit(text, token, Form::Own(Own::DmName), true));
        }
        let form = match self.matcher.slash_pair(word, edit::Form::VgLv) {
            Verdict::Ours(pair) if self.by_volume => Form::Known(pair.form),
            _ => unknown(text, &token),
        };
        Some(hit(text, token, form, true))
    }

    /// Classifies a spelling that no form of a rewriter covers.
    fn classify(&self, text: &[u8], candidate: Range<usize>) -> Option<(Range<usize>, Form)> {
        let mut word = run(text, &candidate, is_name_byte);
        // A full stop may end a sentence.
        while word.end > candidate.end && text[word.end - 1] == b'.' {
            word.end -= 1;
        }
        if word == candidate && text[word.clone()] == *self.name.as_str().as_bytes() {
            return self.bare(text, word);
        }
        self.instance(text, &candidate)
            .or_else(|| self.dm_name(text, &word, &candidate))
            .or_else(|| self.unit_name(text, &candidate))
            .or_else(|| self.escaped_path(text, &candidate))
    }

    /// The name as the instance of a unit: `lvm2-pvscan@vg.service`.
    fn instance(&self, text: &[u8], candidate: &Range<usize>) -> Option<(Range<usize>, Form)> {
        let is_name = text[candidate.clone()] == *self.matcher.old_name()?.as_bytes();
        let before = candidate.start.checked_sub(1).map(|at| text[at]);
        let kinds = [&b".service"[..], b".timer", b".socket", b".target", b".path"];
        let is_unit = kinds.iter().any(|kind| text[candidate.end..] == **kind);
        (is_name && before == Some(b'@') && is_unit)
            .then(|| (candidate.clone(), Form::Known(edit::Form::VgName)))
    }

    /// The name as a separate word.
    fn bare(&self, text: &[u8], word: Range<usize>) -> Option<(Range<usize>, Form)> {
        let line = line_around(text, &word);
        let before = &text[line.start..word.start];
        let path = matches!(before.last(), Some(b'/' | b'\\'));
        if text.get(word.end) == Some(&b'/') && self.by_volume && !path {
            let pair = word.start..word.end + 1 + run_length(&text[word.end + 1..], is_name_byte);
            if let Verdict::Ours(hit) =
                self.matcher.slash_pair(&text[pair.clone()], edit::Form::VgLv)
            {
                return Some((pair, Form::Known(hit.form)));
            }
        }
        // The bare name of a group does not name a volume.
        self.matcher.old_name()?;
        if (is_about_lvm(before) || memchr::memmem::find(before, b"volume_list").is_some())
            && KEY.is_match(before)
        {
            return Some((word, Form::Known(edit::Form::VgName)));
        }
        // A word like `data` is everywhere. Only in a line about LVM can it mean the group.
        let counts = !self.is_word || is_about_lvm(&text[line.clone()]);
        counts.then_some((word, Form::Own(Own::Name)))
    }

    /// `VG-LV` on its own, or after `dm-name-`.
    fn dm_name(
        &self,
        text: &[u8],
        word: &Range<usize>,
        candidate: &Range<usize>,
    ) -> Option<(Range<usize>, Form)> {
        let by_id = text[word.clone()].starts_with(b"dm-name-");
        let start = word.start + if by_id { 8 } else { 0 };
        // By its form, `a-b` may be any word. `a--b-c`, or a word after `dm-name-`, may not.
        let is_plain = !text[candidate.clone()].windows(2).any(|pair| pair == b"--");
        if start != candidate.start || (is_plain && !self.by_volume && !by_id) {
            return None;
        }
        let token = start..word.end;
        match self.matcher.dm_name(&text[token.clone()], edit::Form::ByIdPath) {
            Verdict::Ours(_) if by_id => Some((word.clone(), Form::Known(edit::Form::ByIdPath))),
            Verdict::Ours(_) => Some((token, Form::Own(Own::DmName))),
            Verdict::UnknownVolume if !is_plain || by_id => {
                let form = unknown(text, &token);
                Some((token, form))
            }
            _ => None,
        }
    }

    /// A unit name that rewriters do not recognize by its suffix: an instance
    /// (`systemd-fsck@dev-….service`), a directory (`dev-….device.d`), or a name whose backslashes are
    /// doubled for ExecStart=.
    fn unit_name(&self, text: &[u8], candidate: &Range<usize>) -> Option<(Range<usize>, Form)> {
        let fits = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-' | b'\\')
        };
        let token = run(text, candidate, fits);
        if !text[token.clone()].starts_with(b"dev-") {
            return None;
        }
        let mut name = single_backslashes(&text[token.clone()]);
        loop {
            let decoded = unit::unescape(&name)
                .map(|decoded| decoded.into_iter().map(|(byte, _)| byte).collect::<Vec<u8>>());
            if decoded.is_some_and(|path| matches!(self.matcher.path(&path), Verdict::Ours(_))) {
                return Some((token, Form::Known(edit::Form::UnitName)));
            }
            let dot = name.iter().rposition(|byte| *byte == b'.')?;
            name.truncate(dot);
        }
    }

    /// A path with octal or URL escapes.
    fn escaped_path(&self, text: &[u8], candidate: &Range<usize>) -> Option<(Range<usize>, Form)> {
        let fits = |byte: u8| is_name_byte(byte) || matches!(byte, b'/' | b'\\' | b'%');
        let token = run(text, candidate, fits);
        let path = decode(&text[token.clone()])?;
        match self.matcher.path(&path) {
            Verdict::Ours(Match { form, .. }) => Some((token, Form::Known(form))),
            _ => None,
        }
    }
}

/// The form of a token that fits the group but none of its volumes, or that stands for several volumes.
fn unknown(text: &[u8], token: &Range<usize>) -> Form {
    let wild = matches!(text.get(token.end), Some(b'*' | b'?' | b'[' | b'$' | b'{' | b'%'));
    let open = text[token.clone()].ends_with(b"-");
    Form::Own(if wild && open { Own::Pattern } else { Own::UnknownVolume })
}

fn hit(text: &[u8], token: Range<usize>, form: Form, is_read: bool) -> Hit {
    let line = line_around(text, &token);
    let comment = text[line].trim_ascii_start();
    let comment = [&b"#"[..], b";", b"//"].iter().any(|mark| comment.starts_with(mark));
    Hit { token, form, is_read: is_read && !comment }
}
