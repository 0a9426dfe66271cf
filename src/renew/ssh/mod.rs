//! The SSH host keys: new ones of the same types in the same places, made before anything is changed.
//!
//! The halves of a key are replaced one after the other, each atomically, so that neither is ever missing.

mod change;
mod drawn;
mod find;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::whole::{Texts, kept_texts};
use super::{Secret, Sum};
use crate::change::Change;
use crate::guest::root::Root;
use crate::identity::items::ssh::DEFAULTS;
use crate::plan::{Rewriter, Rewritten};
use crate::rewrite::edit::{Edit, Form};
use crate::transaction::record::SavedChange;
pub use drawn::Drawn;
pub use find::find;

/// The word under which journals keep this kind.
pub const KIND: &str = "ssh-host-keys";

/// Replaces SSH host keys.
#[derive(Debug)]
pub struct Renewal {
    kept: Kept,
    /// The files' new texts, by their sums. Empty if only the journal is known.
    texts: Texts,
}

/// What a journal keeps of the change. It contains no key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    keys: Vec<Key>,
}

/// What a journal keeps of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    /// The file of the private half.
    path: PathBuf,
    /// `SHA256:HASH (TYPE)` of the old key.
    old: String,
    /// The same of the new key.
    new: String,
    /// The sums of the private half's text, before and after.
    private: (Sum, Sum),
    /// The same of the public half.
    public: (Sum, Sum),
}

impl Key {
    fn turned(&self) -> Self {
        let turn = |(before, after): &(Sum, Sum)| (after.clone(), before.clone());
        Self {
            path: self.path.clone(),
            old: self.new.clone(),
            new: self.old.clone(),
            private: turn(&self.private),
            public: turn(&self.public),
        }
    }
}

/// Reads what a journal keeps of the change.
///
/// # Errors
/// Something that no postclone has written.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Kept = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading the change of SSH host keys")?;
    let is_known = |key: &&Key| DEFAULTS.iter().any(|path| Path::new(path) == key.path);
    if let Some(key) = kept.keys.iter().find(|key| !is_known(key)) {
        bail!("`{}` is not a place where postclone renews an SSH host key", key.path.display());
    }
    Ok(Box::new(Renewal { kept, texts: Texts::new() }))
}

impl Renewal {
    /// The renewal that puts the old keys back, as far as the run's journal still has them.
    fn turned(&self, root: &Root) -> Result<Self> {
        let mut texts = kept_texts(root)?;
        let has =
            |key: &&Key| [&key.private.0, &key.public.0].iter().all(|sum| texts.contains_key(sum));
        let keys: Vec<Key> = self.kept.keys.iter().filter(has).map(Key::turned).collect();
        let is_wanted =
            |sum: &Sum| keys.iter().any(|key| [&key.private.1, &key.public.1].contains(&sum));
        texts.retain(|sum, _| is_wanted(sum));
        Ok(Self { kept: Kept { keys }, texts })
    }
}

/// Replaces the files of keys. Each file is recognized by its bytes.
#[derive(Debug)]
struct Keys {
    patterns: Vec<String>,
    /// The old text, the new text, and whether it is a private half.
    rules: Vec<(Sum, Sum, bool)>,
    texts: Texts,
}

impl Rewriter for Keys {
    fn patterns(&self) -> Vec<String> {
        self.patterns.clone()
    }

    fn rewrite(&self, _path: &Path, text: &[u8]) -> Result<Rewritten> {
        let sum = Sum::of(text);
        let Some((_, to, is_private)) = self.rules.iter().find(|(from, _, _)| *from == sum) else {
            return Ok(Rewritten::nothing("ssh-host-key"));
        };
        // If only the journal is known, the new text is not. It is then enough to find out whether the old text is
        // there.
        let new = self.texts.get(to).map_or(&[][..], |Secret(bytes)| bytes);
        let (range, new) = if *is_private { (0..text.len(), new) } else { first_lines(text, new) };
        let (new, token) = (new.to_vec(), range.clone());
        let edit = Edit { range, new, token, form: Form::HostKey, volume: None };
        Ok(Rewritten {
            kind: if *is_private { "ssh-host-key" } else { "ssh-public-key" },
            edits: vec![edit],
            warnings: Vec::new(),
            secret: *is_private,
        })
    }
}

/// The first line of both texts. The rest of them is the same.
fn first_lines<'a>(text: &[u8], new: &'a [u8]) -> (std::ops::Range<usize>, &'a [u8]) {
    let end = |text: &[u8]| text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    (0..end(text), &new[..end(new)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(path: &str) -> Key {
        let sums = |a: &str, b: &str| (Sum::of(a.as_bytes()), Sum::of(b.as_bytes()));
        Key {
            path: path.into(),
            old: "SHA256:a (RSA)".to_owned(),
            new: "SHA256:b (RSA)".to_owned(),
            private: sums("old", "new"),
            public: sums("old a\n# x\n", "new b\n# x\n"),
        }
    }

    fn saved(path: &str) -> SavedChange {
        let of = serde_json::to_value(Kept { keys: vec![key(path)] }).unwrap();
        SavedChange { kind: KIND.to_owned(), of: of.as_object().unwrap().clone() }
    }

    #[test]
    fn what_no_postclone_wrote_is_refused() {
        let said = format!("{:#}", of(&saved("/etc/shadow")).unwrap_err());
        assert!(said.contains("is not a place where postclone renews an SSH host key"), "{said}");
        assert!(of(&saved("/etc/ssh/ssh_host_rsa_key")).is_ok());
    }

    #[test]
    fn a_file_is_told_by_its_bytes_and_a_secret_is_not_shown() {
        let texts =
            ["new", "new b\n# x\n"].map(|text| (Sum::of(text.as_bytes()), Secret(text.into())));
        let kept = Kept { keys: vec![key("/etc/ssh/ssh_host_rsa_key")] };
        let renewal = Renewal { kept, texts: texts.into() };
        let rules = renewal.rewriter(crate::transaction::record::Direction::Forward).unwrap();
        assert_eq!(rules.patterns(), ["etc/ssh/ssh_host_rsa_key", "etc/ssh/ssh_host_rsa_key.pub"]);
        let found = rules.rewrite(Path::new("/x"), b"old").unwrap();
        assert!(found.secret);
        assert_eq!(crate::rewrite::edit::apply(b"old", &found.edits), b"new");
        let found = rules.rewrite(Path::new("/x"), b"old a\n# x\n").unwrap();
        assert!(!found.secret);
        assert_eq!(found.edits[0].range, 0..5);
        assert_eq!(crate::rewrite::edit::apply(b"old a\n# x\n", &found.edits), b"new b\n# x\n");
        for text in ["new", "other", ""] {
            assert!(rules.rewrite(Path::new("/x"), text.as_bytes()).unwrap().edits.is_empty());
        }
        assert!(!format!("{renewal:?}").contains("new b"));
    }
}
