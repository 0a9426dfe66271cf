//! The work, in the order that leaves a running system alone and that can be taken back.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};

use super::{Job, outer_image};
use crate::exit::{Exit, fail, refuse};
use crate::guest::kernels::Image;
use crate::initramfs;
use crate::live;
use crate::lvm;
use crate::plan::{self, Step};
use crate::report::json;
use crate::report::text::{count, step_text};
use crate::transaction::backup::Backup;
use crate::transaction::image::KeptImage;
use crate::transaction::lock::Lock;
use crate::transaction::staged::{self, Staged};
use crate::transaction::undo::{Done, Log};

/// What was done, and seen.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Where the copies of the old files are.
    pub(crate) backup: Option<PathBuf>,
    /// Sentences, each about something that was looked at after it was done.
    pub(crate) seen: Vec<String>,
}

/// Applies the plan. On failure everything is taken back, as far as it goes, and said.
pub(crate) fn run(job: &Job) -> Result<Outcome> {
    let _lock = Lock::take(&job.root).map_err(refuse)?;
    let plan_text = json::document(&job.plan, json::Outcome::Planned, None);
    let backup = Backup::create(&job.root, &job.plan.files, &plan_text).map_err(refuse)?;
    let staged: Result<Vec<Staged>> =
        job.plan.files.iter().map(|change| Staged::new(&job.root, change)).collect();
    let staged = match staged {
        Ok(staged) => staged,
        Err(error) => {
            backup.discard();
            return Err(refuse(error));
        }
    };
    let mut log = Log::default();
    let mut seen = Vec::new();
    match work(job, staged, &mut log, &mut seen) {
        Ok(()) => {
            log.close();
            Ok(Outcome { backup: Some(backup.dir().to_owned()), seen })
        }
        Err(error) => Err(take_back(job, backup, &mut log, error)),
    }
}

fn work(job: &Job, staged: Vec<Staged>, log: &mut Log, seen: &mut Vec<String>) -> Result<()> {
    let mut staged = Some(staged);
    for step in &job.plan.steps {
        log::info!("{}", step_text(step));
        match step {
            // Copied before anything else, in `run`.
            Step::Backup { .. } => {}
            Step::RenameGroup { uuid, .. } => {
                log.push(Done::Group { uuid: uuid.clone(), old: job.plan.old.clone() });
                lvm::rename_group(uuid, &job.plan.new)?;
                seen.push(format!("volume group {uuid} has the name {}", job.plan.new));
            }
            Step::ReplaceFiles { files } => {
                replace(job, staged.take().unwrap_or_default(), log)?;
                seen.push(format!("{} replaced", count(*files, "file")));
            }
            Step::LinkNames { volumes } => {
                let group =
                    job.target.group.as_ref().ok_or_else(|| anyhow!("the group is not known"))?;
                log.push(Done::Links);
                live::link_names(group, &job.plan.old, &job.plan.new)?;
                seen.push(format!("{} linked under both names", count(*volumes, "volume")));
            }
            Step::ReloadSystemd => {
                log.push(Done::Reload);
                live::reload_systemd()?;
            }
            Step::RebuildImage { kernel, path, .. } => {
                rebuild(job, &Image { version: kernel.clone(), path: path.clone() }, log)?;
                seen.push(format!("{} built anew", path.display()));
            }
            Step::Verify => {
                verify(job)?;
                seen.push(format!("planned again: nothing names {} any more", job.plan.old));
            }
        }
    }
    Ok(())
}

fn replace(job: &Job, staged: Vec<Staged>, log: &mut Log) -> Result<()> {
    let targets: Vec<PathBuf> = staged.iter().map(|file| file.target().to_owned()).collect();
    for (file, change) in staged.into_iter().zip(&job.plan.files) {
        log.push(Done::File { path: change.path.clone(), written: change.after() });
        file.commit()?;
    }
    staged::sync(&targets)
}

fn rebuild(job: &Job, image: &Image, log: &mut Log) -> Result<()> {
    let generator = job.generator.ok_or_else(|| anyhow!("the images' generator is not known"))?;
    let outer = outer_image(&job.root, &image.path)?;
    let kept = KeptImage::keep(&outer)?;
    let result = initramfs::rebuild(generator, image, &outer, &kept);
    log.push(Done::Image(kept));
    result?;
    staged::sync(&[outer])
}

/// The proof that the plan was whole: a second one is empty, and LVM says the new name.
fn verify(job: &Job) -> Result<()> {
    let left = plan::files(&job.root, &job.plan.old, &job.plan.new, job.target.volumes())
        .context("planning again")?;
    if let Some(change) = left.changes.first() {
        bail!("`{}` still names {} after the rename", change.path.display(), job.plan.old);
    }
    if let Some(group) = job.target.group.as_ref().filter(|_| job.target.renames_group) {
        let name = lvm::name_of(&group.uuid)?;
        if name != job.plan.new {
            bail!("LVM calls the group {} `{name}` after the rename", group.uuid);
        }
    }
    Ok(())
}

/// Undoes what was done, and says what is true afterwards.
fn take_back(job: &Job, backup: Backup, log: &mut Log, error: anyhow::Error) -> anyhow::Error {
    log::error!("{error:#}");
    log::info!("taking back what was done");
    let failures = log.undo(&job.root, &backup);
    if failures.is_empty() {
        let dir = backup.dir().to_owned();
        backup.discard();
        log::debug!("removed `{}`", dir.display());
        return fail(Exit::Restored, error.context("failed, and everything was restored"));
    }
    for failure in &failures {
        log::error!("not restored: {failure:#}");
    }
    let left: Vec<String> = failures.iter().map(|failure| format!("{failure:#}")).collect();
    fail(
        Exit::NotRestored,
        error.context(format!(
            "failed, and not everything was restored; the old files are in `{}`; left to do by hand: {}; the cause",
            backup.dir().display(),
            left.join("; ")
        )),
    )
}
