//! Files whose whole text is replaced. Each is recognized by its present text.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::{Secret, Sum};
use crate::guest::root::Root;
use crate::plan::{Rewriter, Rewritten};
use crate::rewrite::edit::{Edit, Form};
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;

/// Texts by their sums.
pub(super) type Texts = BTreeMap<Sum, Secret>;

/// What a journal keeps of such a file. It does not contain the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whole {
    /// Where the file is.
    pub path: PathBuf,
    /// The sums of its text, before and after.
    pub text: (Sum, Sum),
    /// Whether its text is a secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

impl Whole {
    /// A file with its old and new text. The new text is added to `texts`.
    pub(super) fn new(
        path: &Path,
        old: &[u8],
        new: Vec<u8>,
        secret: bool,
        texts: &mut Texts,
    ) -> Self {
        let text = (Sum::of(old), Sum::of(&new));
        texts.insert(text.1.clone(), Secret(new));
        Self { path: path.to_owned(), text, secret }
    }

    fn turned(&self) -> Self {
        let text = (self.text.1.clone(), self.text.0.clone());
        Self { text, path: self.path.clone(), secret: self.secret }
    }
}

/// The files of a renewal that puts the old texts back, as far as the run's journal still has them.
pub(super) fn turned(files: &[Whole], root: &Root) -> Result<(Vec<Whole>, Texts)> {
    let mut texts = kept_texts(root)?;
    let mut turned: Vec<Whole> = files.iter().map(Whole::turned).collect();
    turned.retain(|file| texts.contains_key(&file.text.1));
    texts.retain(|sum, _| turned.iter().any(|file| file.text.1 == *sum));
    Ok((turned, texts))
}

/// The texts from before the last run, as far as its journal still has them.
pub(super) fn kept_texts(root: &Root) -> Result<Texts> {
    let Some(journal) = Journal::latest(root)? else { bail!("the run has no journal any more") };
    let mut texts = Texts::new();
    for path in &journal.saved.files {
        let copy = journal.copy_of("before", path);
        if copy.exists() {
            let bytes = fs::read(&copy).with_context(|| format!("reading `{}`", copy.display()))?;
            texts.insert(Sum::of(&bytes), Secret(bytes));
        }
    }
    Ok(texts)
}

/// Replaces the texts of files.
#[derive(Debug)]
pub(super) struct Replacing {
    kind: &'static str,
    form: Form,
    files: Vec<Whole>,
    texts: Texts,
    /// Whether a text that is neither of the two is replaced, too.
    any: bool,
}

impl Replacing {
    /// For these files, in one direction. If only the journal is known, the new texts are not. It is then enough to
    /// find out whether the old texts are there.
    pub(super) fn new(
        (kind, form): (&'static str, Form),
        files: &[Whole],
        texts: &Texts,
        direction: Direction,
    ) -> Self {
        let files = match direction {
            Direction::Forward => files.to_vec(),
            Direction::Backward => files.iter().map(Whole::turned).collect(),
        };
        Self { kind, form, files, texts: texts.clone(), any: false }
    }

    /// Replaces the files whatever they contain by now.
    pub(super) fn of_any_text(mut self) -> Self {
        self.any = true;
        self
    }
}

impl Rewriter for Replacing {
    fn patterns(&self) -> Vec<String> {
        let path = |file: &Whole| file.path.to_string_lossy().trim_start_matches('/').to_owned();
        self.files.iter().map(path).collect()
    }

    fn rewrite(&self, path: &Path, text: &[u8]) -> Result<Rewritten> {
        let mut found = Rewritten::nothing(self.kind);
        let Some(file) = self.files.iter().find(|file| file.path == path) else { return Ok(found) };
        let (sum, (from, to)) = (Sum::of(text), &file.text);
        if sum == *from || self.any && sum != *to {
            let new = self.texts.get(to).map(|Secret(bytes)| bytes.clone()).unwrap_or_default();
            let (range, token) = (0..text.len(), 0..text.len());
            found.edits.push(Edit { range, new, token, form: self.form, volume: None });
            found.secret = file.secret;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrite::edit::apply;

    #[test]
    fn a_text_is_replaced_where_it_is_the_one_that_is_known() {
        let (mut texts, path) = (Texts::new(), Path::new("/var/lib/x"));
        let file = Whole::new(path, b"old\ntext", Vec::new(), true, &mut texts);
        let of = ("dhcp-identity", Form::DhcpIdentity);
        let rules = Replacing::new(of, std::slice::from_ref(&file), &texts, Direction::Forward);
        assert_eq!(rules.patterns(), ["var/lib/x"]);
        let found = rules.rewrite(path, b"old\ntext").unwrap();
        assert!(found.secret);
        assert_eq!(apply(b"old\ntext", &found.edits), b"");
        for (path, text) in [(path, "other"), (path, ""), (Path::new("/var/lib/y"), "old\ntext")] {
            assert!(rules.rewrite(path, text.as_bytes()).unwrap().edits.is_empty(), "{text}");
        }
        let texts = Texts::from([(Sum::of(b"old\ntext"), Secret(b"old\ntext".into()))]);
        let files = [file.turned()];
        let back = Replacing::new(of, &files, &texts, Direction::Forward).of_any_text();
        for text in ["", "somebody's"] {
            let found = back.rewrite(path, text.as_bytes()).unwrap();
            assert_eq!(apply(text.as_bytes(), &found.edits), b"old\ntext");
        }
        assert!(back.rewrite(path, b"old\ntext").unwrap().edits.is_empty());
    }
}
