//! Carries out a plan: the journal, the steps, and the undo if a step fails.

use std::path::PathBuf;

use anyhow::{Result, anyhow};

use super::take::Run;
use super::{Manner, proof, take, validate};
use crate::blkid;
use crate::change::{Changes, Job};
use crate::exit::{Exit, Standing, fail, refuse};
use crate::guest::root::Root;
use crate::interrupt;
use crate::live;
use crate::proof::{Row, to_keep};
use crate::transaction::journal::Journal;
use crate::transaction::record::{Direction, Saved, Secrets};

/// What was done and verified.
#[derive(Debug)]
pub struct Applied {
    /// The run's journal, with the files as they were.
    pub journal: PathBuf,
    /// Sentences. Each says something that was checked after it was done.
    pub seen: Vec<String>,
    /// The proof of the next boot.
    pub proof: Vec<Row>,
}

impl Applied {
    /// Checks the proof once more, with everything that blkid knows of other devices. If blkid cannot be asked, the
    /// run still stands.
    fn of(run: &Run<'_>, mut seen: Vec<String>) -> Self {
        let is_asked = run.root.is_live() && run.changes.concern_boot();
        let tags = is_asked.then(blkid::tags).transpose().unwrap_or_else(|error| {
            seen.push(format!("devices outside the group could not be checked: {error:#}"));
            None
        });
        let proof = proof::after(run, tags).unwrap_or_else(|error| {
            seen.push(format!("the proof could not be shown: {error:#}"));
            Vec::new()
        });
        Self { journal: run.journal.dir().to_owned(), seen, proof }
    }
}

/// Applies the plan. If it fails, undoes as much as possible, and reports that.
///
/// The caller must hold the claim on the root tree, and must have made the plan under it.
pub fn run(job: &Job) -> Result<Applied> {
    let saved = saved(job);
    let mut journal = Journal::create(&job.root, saved, &job.plan.files).map_err(refuse)?;
    if let Err(error) = validate::new_texts(job, &journal).and_then(|()| interrupt::watch()) {
        journal.discard();
        return Err(refuse(error));
    }
    let taken = live::watched(&job.root, || {
        let (root, changes) = (&job.root, &job.changes);
        take(root, &mut journal, changes, Direction::Forward, Manner::default())
            .map(|outcome| outcome.seen)
    });
    match taken {
        Ok(seen) => {
            Standing::Complete.note();
            Journal::close_undone(&job.root, &journal.saved)?;
            let run = Run { root: &job.root, journal: &journal, changes: &job.changes };
            Ok(Applied::of(&run, seen))
        }
        Err(error) => Err(take_back(job, journal, error)),
    }
}

/// Finishes an interrupted run, under a claim on the root tree. If that fails, the run stays as it is. It can then be
/// undone or tried again.
pub fn finish(root: &Root, journal: &mut Journal, changes: &Changes) -> Result<Applied> {
    interrupt::watch()?;
    let seen = live::watched(root, || {
        take(root, journal, changes, Direction::Forward, Manner::default())
            .map(|outcome| outcome.seen)
    });
    let advice = match journal.saved.undoes {
        None => "finishing the run failed; try again, or undo it with `postclone undo`",
        Some(_) => "undoing the run failed; fix what is named and run `postclone undo` again",
    };
    let seen = seen.map_err(|error| fail(Exit::NotRestored, error.context(advice)))?;
    Standing::Complete.note();
    Journal::close_undone(root, &journal.saved)?;
    Ok(Applied::of(&Run { root, journal, changes }, seen))
}

fn saved(job: &Job) -> Saved {
    let (format, version) = Saved::stamp();
    Saved {
        format,
        version,
        changes: job.changes.kept(),
        files: job.plan.files.iter().map(|change| change.path.clone()).collect(),
        paths: job.plan.paths.changes.clone(),
        steps: job.plan.steps.clone(),
        generator: job.generator,
        proof: to_keep(job.proof_before()),
        undoes: job.undoes.clone(),
        also: job.also.clone(),
        secrets: secrets(job),
    }
}

fn secrets(job: &Job) -> Option<Secrets> {
    let secret = job.plan.files.iter().filter(|change| change.secret);
    let files: Vec<PathBuf> = secret.map(|change| change.path.clone()).collect();
    (!files.is_empty()).then(|| Secrets { files, boot: live::boot() })
}

/// Undoes what was done, and says what is true afterwards.
fn take_back(job: &Job, mut journal: Journal, error: anyhow::Error) -> anyhow::Error {
    let begun =
        (0..journal.saved.steps.len()).any(|step| journal.was_begun(Direction::Forward, step));
    if !begun {
        journal.discard();
        return refuse(error);
    }
    log::error!("{error:#}");
    log::info!("undoing what was done");
    interrupt::ignore();
    let manner = Manner { force: false, keep_going: true, only_tells: true };
    let (left, failures) =
        match take(&job.root, &mut journal, &job.changes, Direction::Backward, manner) {
            Ok(outcome) => (outcome.left, outcome.failures),
            Err(failure) => (Vec::new(), vec![failure]),
        };
    if failures.is_empty() {
        for line in left {
            log::warn!("{line}");
        }
        return fail(Exit::Restored, error.context("failed, and everything was restored"));
    }
    let left: Vec<String> = failures.iter().map(|failure| format!("{failure:#}")).collect();
    fail(
        Exit::NotRestored,
        anyhow!(
            "{error:#}; and not everything could be restored: {}; the old files are in `{}`: fix what is named \
             and run `postclone undo`",
            left.join("; "),
            journal.dir().display()
        ),
    )
}
