//! Collects what a form finds in a file, token by token.

use std::ops::Range;

use super::names::{HostNames, Verdict};
use crate::rewrite::edit::{Edit, Findings, Form, Left};

/// Bytes that separate words in every format.
pub(crate) const BLANKS: &[u8] = b" \t\r\n";

/// Collects the findings of one file.
pub(crate) struct Found<'a> {
    names: &'a HostNames,
    text: &'a [u8],
    findings: Findings,
}

impl<'a> Found<'a> {
    pub(crate) fn new(names: &'a HostNames, text: &'a [u8]) -> Self {
        Self { names, text, findings: Findings::default() }
    }

    /// A token that may be any host's name.
    pub(crate) fn token(&mut self, token: Range<usize>) {
        let verdict = self.names.judge(&self.text[token.clone()]);
        self.record(token, verdict);
    }

    /// A token in a place that is only for this host's name.
    pub(crate) fn own(&mut self, token: Range<usize>) {
        let verdict = self.names.judge_own(&self.text[token.clone()]);
        self.record(token, verdict);
    }

    /// Every word of a span. Words are separated by blanks and by `separators`.
    pub(crate) fn words(&mut self, span: Range<usize>, separators: &[u8]) {
        for word in words(self.text, span, separators) {
            self.token(word);
        }
    }

    /// Records the verdict about a token.
    pub(crate) fn record(&mut self, token: Range<usize>, verdict: Verdict) {
        match verdict {
            Verdict::Foreign => {}
            Verdict::Unsure(why) => self.leave(token, why),
            Verdict::Ours(hit) => {
                let range = token.start + hit.range.start..token.start + hit.range.end;
                let new = hit.new.into_bytes();
                // An edit that changes nothing is left out.
                if self.text[range.clone()] != *new {
                    self.findings.edits.push(Edit {
                        range,
                        new,
                        token,
                        form: Form::HostName,
                        volume: None,
                    });
                }
            }
        }
    }

    /// Records a token that stays and is shown.
    pub(crate) fn leave(&mut self, token: Range<usize>, why: &'static str) {
        self.findings.left.push(Left { token, why });
    }

    /// All findings, in the order of the file.
    pub(crate) fn done(mut self) -> Findings {
        self.findings.edits.sort_by_key(|edit| edit.range.start);
        self.findings.left.sort_by_key(|left| left.token.start);
        self.findings
    }
}

/// The words of a span, separated by blanks and by `separators`.
pub(crate) fn words(text: &[u8], span: Range<usize>, separators: &[u8]) -> Vec<Range<usize>> {
    let is_between = |byte: &u8| BLANKS.contains(byte) || separators.contains(byte);
    let mut words = Vec::new();
    let mut at = span.start;
    for part in text[span].split(is_between) {
        if !part.is_empty() {
            words.push(at..at + part.len());
        }
        at += part.len() + 1;
    }
    words
}
