//! One file: the quick check, the exact one, and the contents of images.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use super::around::{MAX_LINE, line_around};
use super::blocks::{self, Block};
use super::finding::{Finding, Part, SearchResult, rooted, shown};
use super::rules;
use super::spelling::narrow;
use super::stop::Stop;
use super::text::{Hit, Wanted};
use crate::image::{self, Summary};
use crate::rewrite::place::SCRIPT;
use crate::rewrite::{PLACES, Place, Treatment, is_at};
use crate::severity::Severity;

/// What the quick check reads at once. It fits into the processor's cache.
const CHUNK: usize = 128 << 10;

/// How many bytes of a line are shown on each side of a token.
const EXCERPT: usize = 60;

/// A file that is checked: its path relative to the root, and the metadata that count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'a> {
    pub(super) path: &'a [u8],
    pub(super) executable: bool,
    /// Whether its text is not readable for everybody.
    pub(super) private: bool,
}

/// Receives a hit with its place and the text around it.
pub(super) type Push<'a, L> = &'a mut dyn FnMut(&mut L, Position, &Hit, &[u8]);

/// Checks one file after another, with buffers of its own.
pub(super) struct Looker<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) stop: &'a Stop,
    opens_images: bool,
    chunk: Vec<u8>,
    block: Vec<u8>,
    pub(super) summary: Summary,
    pub(super) found: SearchResult,
}

impl<'a> Looker<'a> {
    pub(super) fn new(wanted: &'a Wanted, stop: &'a Stop) -> Self {
        let chunk = vec![0; CHUNK];
        Self {
            wanted,
            stop,
            opens_images: true,
            chunk,
            block: Vec::new(),
            summary: Summary::default(),
            found: SearchResult::default(),
        }
    }

    /// The same looker, which opens images only if `opens_images`. If it does not, it searches the bytes
    /// of EFI programs and skips initramfs images.
    pub(super) fn opening_images(self, opens_images: bool) -> Self {
        Self { opens_images, ..self }
    }

    /// Whether a regular file of that length may name the group. It is almost always false, and then the
    /// caller need not build the file's path.
    pub(super) fn has(&mut self, file: &File, length: u64, in_boot: bool) -> io::Result<bool> {
        let lines = if self.wanted.needs_lines() { 256 } else { 0 };
        let keep = self.wanted.spellings.longest() - 1 + lines;
        let (mut held, mut read) = (0, 0_u64);
        loop {
            if self.stop.is_due() {
                self.found.incomplete = true;
                return Ok(false);
            }
            let count = match { file }.read(&mut self.chunk[held..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let text = &self.chunk[..held + count];
            if read == 0 && in_boot && image::may_be(text) {
                let is_firmwares = text.starts_with(b"MZ");
                if self.opens_images || !is_firmwares {
                    return Ok(self.opens_images);
                }
            }
            read += count as u64;
            self.found.bytes += count as u64;
            let is_last = count == 0 || (read >= length && text.len() < CHUNK);
            let cut = self.cut(text, is_last);
            let wide = in_boot && self.wanted.spellings.is_in_wide(text);
            if wide || self.wanted.may_be_in(&text[..cut.unwrap_or(text.len())]) {
                return Ok(true);
            }
            if is_last {
                return Ok(false);
            }
            let end = text.len();
            held = cut.map_or(keep.min(end), |cut| end - cut);
            self.chunk.copy_within(end - held..end, 0);
        }
    }

    /// Where the last whole line ends, if lines matter and its end is near.
    fn cut(&self, text: &[u8], is_last: bool) -> Option<usize> {
        if is_last || !self.wanted.needs_lines() {
            return None;
        }
        let low = text.len().saturating_sub(MAX_LINE);
        memchr::memrchr(b'\n', &text[low..]).map(|at| low + at + 1)
    }

    /// Checks a file exactly after [`Looker::has`] returned true.
    pub(super) fn look(&mut self, mut file: &File, spot: Spot<'_>) -> io::Result<()> {
        let in_boot = rules::is_boot(spot.path);
        if in_boot && self.opens_images && self.image(file, spot) {
            return Ok(());
        }
        file.seek(SeekFrom::Start(0))?;
        let path = String::from_utf8_lossy(spot.path);
        let place = PLACES.iter().find(|place| is_at(place, &path));
        let (rule, advice) = rules::of(spot.path, spot.executable);
        let sure = place.map_or(rule, |place| place.severity);
        let is_rewritten =
            place.is_some_and(|place| !matches!(place.treatment, Treatment::Reported(_)));
        let advice = if is_rewritten && rule != Severity::History { IN_PLACE } else { advice };
        let reader = place.or_else(|| self.script(file, spot));
        self.content(&mut file, in_boot, reader, &mut |looker, position, hit, text| {
            let severity = severity(hit, sure, rule == Severity::History);
            let advice = if severity == Severity::Cosmetic { HARMLESS } else { advice };
            looker.push(spot, None, Part::Content, position, hit, text, severity, advice);
        })?;
        Ok(())
    }

    /// The reader for an executable script. It treats a bare name as the group's, unless the name is a
    /// word.
    fn script(&self, file: &File, spot: Spot<'_>) -> Option<&'static Place> {
        let mut head = [0; 2];
        let is_script = spot.executable
            && file.read_at(&mut head, 0).is_ok_and(|count| count == 2)
            && head == *b"#!";
        (is_script && !self.wanted.is_word()).then_some(&SCRIPT)
    }

    /// Checks the name of a file, or the target of a link. A directory whose name is an ordinary word is
    /// no finding.
    pub(super) fn name(&mut self, spot: Spot<'_>, part: Part, text: &[u8]) {
        let (rule, advice) = rules::of(spot.path, spot.executable);
        for hit in self.wanted.hits(text, None) {
            let severity = severity(&hit, rule, rule == Severity::History);
            let advice = match (severity, part) {
                (Severity::Boot | Severity::Error, Part::FileName) => "give it its new name",
                (Severity::Boot | Severity::Error, _) => "make the link again",
                (Severity::Cosmetic, _) => HARMLESS,
                _ => advice,
            };
            self.push(spot, None, part, Position::at(&hit), &hit, text, severity, advice);
        }
    }

    /// Finds every hit in a content, block by block.
    pub(super) fn content(
        &mut self,
        reader: &mut dyn Read,
        wide: bool,
        place: Option<&Place>,
        push: Push<'_, Self>,
    ) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.block);
        let length = blocks::each(reader, &mut buffer, &mut |block| {
            if self.wanted.may_be_in(block.text) {
                let place = place.filter(|_| block.is_whole);
                let hits = self.wanted.hits(block.text, place);
                self.own(block, &hits, push);
            }
            if wide && self.wanted.spellings.is_in_wide(block.text) {
                self.wide(block, push);
            }
        });
        self.block = buffer;
        self.found.bytes += length?;
        Ok(())
    }

    fn own(&mut self, block: &Block<'_>, hits: &[Hit], push: Push<'_, Self>) {
        let (mut at, mut line, mut column) = (0, block.line, block.column);
        for hit in hits.iter().filter(|hit| block.own.contains(&hit.token.start)) {
            (line, column) = blocks::advance(&block.text[at..hit.token.start], line, column);
            at = hit.token.start;
            let around = line_around(block.text, &hit.token);
            let is_text = memchr::memchr(0, &block.text[around]).is_none()
                && memchr::memchr(0, &block.text[..block.text.len().min(CHUNK)]).is_none();
            let position = Position {
                offset: block.offset + at as u64,
                line: is_text.then_some((line, column + 1)),
            };
            push(self, position, hit, block.text);
        }
    }

    fn wide(&mut self, block: &Block<'_>, push: Push<'_, Self>) {
        for shift in 0..2 {
            let text = narrow(block.text, shift);
            for hit in self.wanted.hits(&text, None) {
                let offset = block.offset + (shift + 2 * hit.token.start) as u64;
                push(self, Position { offset, line: None }, &hit, &text);
            }
        }
    }

    #[allow(clippy::too_many_arguments)] // what a finding is made of
    pub(super) fn push(
        &mut self,
        spot: Spot<'_>,
        inside: Option<&[u8]>,
        part: Part,
        position: Position,
        hit: &Hit,
        text: &[u8],
        severity: Severity,
        advice: &str,
    ) {
        self.found.push(Finding {
            severity,
            path: rooted(spot.path),
            inside: inside.map(shown),
            part,
            line: position.line.map(|(line, _)| line),
            column: position.line.map(|(_, column)| column),
            offset: position.offset,
            form: hit.form,
            excerpt: excerpt(text, hit),
            token: shown(&text[hit.token.clone()]),
            private: spot.private && part == Part::Content,
            advice: advice.to_owned(),
            more: 0,
        });
    }
}

/// Reported with a place that a rename rewrites.
pub(super) const IN_PLACE: &str = "let `postclone rename` rewrite it, or edit it";
const HARMLESS: &str = "nothing fails because of it: edit it or leave it";

/// Where a hit is.
#[derive(Clone, Copy)]
pub(super) struct Position {
    offset: u64,
    line: Option<(u64, u64)>,
}

impl Position {
    pub(super) fn at(hit: &Hit) -> Self {
        Self { offset: hit.token.start as u64, line: None }
    }
}

/// The severity of a hit. It costs nothing if the name may be a word, if the group has no such volume, or
/// if nobody reads the token.
pub(super) fn severity(hit: &Hit, sure: Severity, record: bool) -> Severity {
    let harmless = !hit.form.is_sure() || !hit.is_read;
    if harmless && !record { Severity::Cosmetic } else { sure }
}

fn excerpt(text: &[u8], hit: &Hit) -> String {
    let line = line_around(text, &hit.token);
    let low = line.start.max(hit.token.start.saturating_sub(EXCERPT));
    let high = line.end.min(hit.token.end + EXCERPT);
    let mut shortened = shown(text[low..high].trim_ascii());
    if low > line.start {
        shortened.insert(0, '…');
    }
    if high < line.end {
        shortened.push('…');
    }
    shortened
}
