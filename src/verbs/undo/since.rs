//! What came after a run, and is therefore not in the bytes that its journal keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::change::{Change, Changes, Job};
use crate::guest::root::Root;
use crate::plan::Step;
use crate::rewrite::edit::apply;
use crate::rewrite::{PLACES, is_at};
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;

/// What came after a run: a sentence for each thing.
pub(super) struct Since {
    pub(super) sentences: Vec<String>,
    /// Files of the run that somebody changed or removed since, by their paths before the run.
    edited: BTreeSet<PathBuf>,
}

impl Since {
    /// Compares a plan that changes the names back with what the journal knows.
    ///
    /// # Errors
    /// A file that cannot be undone by its names alone.
    pub(super) fn find(
        root: &Root,
        journal: &Journal,
        changes: &Changes,
        job: &Job,
    ) -> Result<Self> {
        let edited: BTreeSet<PathBuf> = journal.changed_since(root)?.into_iter().collect();
        let mut this = Self { sentences: Vec::new(), edited };
        let told = this.edited.iter().map(|path| {
            let there = journal.place(root, path).exists();
            format!("`{}` {}", path.display(), if there { "was changed" } else { "was removed" })
        });
        this.sentences = told.collect();
        let (saved, new) = (&journal.saved, changes.names(Direction::Forward));
        let now = |path: &PathBuf| root.inner(&journal.place(root, path));
        let known: BTreeSet<PathBuf> = saved.files.iter().map(now).collect();
        for change in job.plan.files.iter().filter(|change| !known.contains(&change.path)) {
            this.sentences.push(format!("`{}` names {}", change.path.display(), new));
        }
        let known: BTreeSet<PathBuf> = saved.paths.iter().map(|path| now(&path.from)).collect();
        for change in job.plan.paths.changes.iter().filter(|path| !known.contains(&path.from)) {
            this.sentences.push(format!("`{}` has the name", change.from.display()));
        }
        if saved.generator.is_some() {
            this.add_images(root, journal, job)?;
        }
        for change in changes.iter() {
            this.sentences.extend(change.came()?);
        }
        if !this.is_empty() {
            this.can_go_back(root, journal, changes, job)?;
        }
        Ok(this)
    }

    /// Whether nothing came after the run.
    pub(super) fn is_empty(&self) -> bool {
        self.sentences.is_empty()
    }

    /// Adds images that the run did not make, and images that were built again since.
    fn add_images(&mut self, root: &Root, journal: &Journal, job: &Job) -> Result<()> {
        let made = |path: &PathBuf| {
            journal.saved.steps.iter().position(|step| match step {
                Step::RebuildImage { path: of, .. } => of == path,
                Step::Place(placed) => placed.path == *path,
                _ => false,
            })
        };
        let images = job.images.images.iter().map(|image| &image.path);
        let placed = job.placed.iter().map(|placed| &placed.last.path);
        for path in images.chain(placed) {
            let Some(step) = made(path) else {
                self.sentences.push(format!("`{}` was made", path.display()));
                continue;
            };
            if journal.is_done(Direction::Forward, step)
                && !journal.left_image(&root.outer(path))?
            {
                self.sentences.push(format!("`{}` was built again", path.display()));
            }
        }
        Ok(())
    }

    /// Checks that changing the names back leads to the old bytes. A file that had NEW in it before the run has
    /// two kinds of NEW now, and only one of them was OLD.
    fn can_go_back(
        &self,
        root: &Root,
        journal: &Journal,
        of_run: &Changes,
        job: &Job,
    ) -> Result<()> {
        let matchers = job.changes.matchers(Direction::Forward, &job.mappings);
        let rewriters = job.changes.rewriters(Direction::Forward);
        let changes: BTreeMap<&PathBuf, _> =
            job.plan.files.iter().map(|change| (&change.path, change)).collect();
        for path in &journal.saved.files {
            let copy = journal.copy_of("before", path);
            let before =
                fs::read(&copy).with_context(|| format!("reading `{}`", copy.display()))?;
            let at = root.inner(&journal.place(root, path));
            let change = changes.get(&at);
            let leads_back = if self.edited.contains(path) {
                let place =
                    change.and_then(|change| PLACES.iter().find(|place| place.kind == change.kind));
                let is_kept = rewriters.iter().all(|rewriter| {
                    rewriter.rewrite(path, &before).is_ok_and(|found| found.edits.is_empty())
                });
                is_kept
                    && place.is_none_or(|place| {
                        matchers.iter().all(|matcher| {
                            (place.rewrite)(matcher, &before)
                                .is_ok_and(|found| found.edits.is_empty())
                        })
                    })
            } else {
                let after = match change {
                    Some(change) => change.after(),
                    None => fs::read(root.outer(&at)).unwrap_or_default(),
                };
                after == before || after == with_what_stays(path, &before, of_run, job)?
            };
            if !leads_back {
                bail!(
                    "something came after the run ({}), and `{}` named {} before it, so its old text cannot be \
                     told apart from its new names: correct that by hand (its old bytes are in `{}`), or use --force",
                    self.sentences.join("; "),
                    path.display(),
                    job.plan.searched_names(),
                    copy.display()
                );
            }
        }
        Ok(())
    }
}

/// The old text of a file as an undo by names leaves it: volumes that the run named by path are still named by path,
/// under the old name. If the old text had NEW in it, it is returned unchanged, because nothing is guessed.
fn with_what_stays(path: &Path, before: &[u8], changes: &Changes, job: &Job) -> Result<Vec<u8>> {
    let mut text = before.to_vec();
    for rewriter in changes.iter().filter_map(Change::remains) {
        let found = rewriter.rewrite(path, &text)?;
        text = apply(&text, &found.edits);
    }
    let inner = path.strip_prefix("/").unwrap_or(path).to_string_lossy();
    let Some(place) = PLACES.iter().find(|place| is_at(place, &inner)) else { return Ok(text) };
    for matcher in job.changes.matchers(Direction::Forward, &job.mappings) {
        if !(place.rewrite)(&matcher, before)?.edits.is_empty() {
            return Ok(before.to_vec());
        }
        let found = (place.rewrite)(&matcher, &text)?;
        text = apply(&text, &found.edits);
    }
    Ok(text)
}
