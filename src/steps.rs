//! Takes the steps of a run, forward or backward, each announced in the journal first.
//!
//! Every step looks before it acts, so that one which was cut in the middle can be taken again.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};

use crate::guest::kernels::Image;
use crate::guest::root::Root;
use crate::names::VgName;
use crate::plan::{self, Step};
use crate::report::text::{count, step_text};
use crate::rewrite::matcher::Volumes;
use crate::transaction::files::{Side, Waiting};
use crate::transaction::image::Stamp;
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;
use crate::transaction::{failpoint, staged};
use crate::{audit, initramfs, interrupt, live, lvm};

/// How a run is taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// Replace files that somebody changed since.
    pub force: bool,
    /// Go on after a failure: take back as much as can be.
    pub keep_going: bool,
}

/// What was seen, and what failed.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Sentences, each about something that was looked at after it was done.
    pub seen: Vec<String>,
    /// Failures, where the manner was to keep going.
    pub failures: Vec<anyhow::Error>,
}

/// Takes every step that is not done yet, and closes the journal when all went well.
pub fn take(
    root: &Root,
    journal: &mut Journal,
    direction: Direction,
    manner: Manner,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    journal.sweep(root);
    // Staged before the group is renamed: what can fail fails first, and the flip stays short.
    let mut waiting = Staging::default();
    for (slot, side) in
        [(&mut waiting.bridge, Side::Bridge), (&mut waiting.last, last_side(direction))]
    {
        if !puts(journal, direction, side) {
            continue;
        }
        let (ready, failures) = journal.stage(root, side, manner.force);
        if let Some(error) = failures.into_iter().next() {
            if !manner.keep_going {
                return Err(error);
            }
            outcome.failures.push(error);
        }
        *slot = Some(ready);
    }
    let steps = journal.saved.steps.clone();
    for (number, step) in steps.iter().enumerate() {
        if journal.is_done(direction, number)
            || !concerns(journal, step, number, direction)
            || (step.is_live() && !root.is_live())
        {
            continue;
        }
        if let Some(signal) = interrupt::caught() {
            bail!("stopped by signal {signal}");
        }
        log::info!("{}", step_text(step, direction));
        // Begun and never done: whatever it started may have left something behind.
        let cut = !journal.is_done(Direction::Forward, number);
        let result = journal
            .intend(direction, number)
            .and_then(|()| failpoint::hit("step"))
            .and_then(|()| take_step(root, journal, step, direction, cut, &mut waiting));
        match result {
            Ok(seen) => {
                outcome.seen.extend(seen);
                if let Err(error) = journal.did(direction, number) {
                    if !manner.keep_going {
                        return Err(error);
                    }
                    outcome.failures.push(error);
                }
            }
            Err(error) if manner.keep_going => outcome.failures.push(error),
            Err(error) => return Err(error),
        }
    }
    if outcome.failures.is_empty() {
        journal.close(direction)?;
    }
    Ok(outcome)
}

/// The files that wait for their step.
#[derive(Default)]
struct Staging {
    bridge: Option<Waiting>,
    last: Option<Waiting>,
}

/// How the files are when a run has gone this way.
fn last_side(direction: Direction) -> Side {
    match direction {
        Direction::Forward => Side::After,
        Direction::Backward => Side::Before,
    }
}

/// Whether a run that goes this way still has to put files on that side.
fn puts(journal: &Journal, direction: Direction, side: Side) -> bool {
    journal.saved.steps.iter().enumerate().any(|(number, step)| {
        let of_this_side = match step {
            Step::BridgeFiles { .. } => side == Side::Bridge,
            Step::ReplaceFiles { .. } => side != Side::Bridge,
            _ => false,
        };
        of_this_side
            && !journal.is_done(direction, number)
            && concerns(journal, step, number, direction)
    })
}

/// Whether a step has anything to do in this direction: back there is only what was begun.
fn concerns(journal: &Journal, step: &Step, number: usize, direction: Direction) -> bool {
    if direction == Direction::Forward {
        return true;
    }
    let begun = |is: fn(&Step) -> bool| {
        let steps = journal.saved.steps.iter().enumerate();
        steps
            .filter(|(_, step)| is(step))
            .any(|(number, _)| journal.was_begun(Direction::Forward, number))
    };
    match step {
        Step::Verify => true,
        // The bridge is for the time in which the group's name changes back.
        Step::BridgeFiles { .. } => begun(|step| matches!(step, Step::RenameGroup { .. })),
        Step::ReplaceFiles { .. } => {
            begun(|step| matches!(step, Step::BridgeFiles { .. } | Step::ReplaceFiles { .. }))
        }
        // After a cut and a boot the running system may bear the new name, whatever was begun before.
        step if step.is_live() => {
            begun(|step| matches!(step, Step::RenameGroup { .. }))
                || journal.was_begun(Direction::Forward, number)
        }
        _ => journal.was_begun(Direction::Forward, number),
    }
}

/// The group's name before and after, in this direction.
fn names(journal: &Journal, direction: Direction) -> (VgName, VgName) {
    let (old, new) = (journal.saved.old.clone(), journal.saved.new.clone());
    match direction {
        Direction::Forward => (old, new),
        Direction::Backward => (new, old),
    }
}

fn take_step(
    root: &Root,
    journal: &Journal,
    step: &Step,
    direction: Direction,
    cut: bool,
    waiting: &mut Staging,
) -> Result<Option<String>> {
    let (from, to) = names(journal, direction);
    match step {
        // Made before the journal's first record.
        Step::Backup { .. } => Ok(None),
        Step::RenameGroup { uuid, .. } => {
            rename_group(uuid, &to)?;
            Ok(Some(format!("LVM calls the group {uuid} {to}")))
        }
        Step::BridgeFiles { .. } => {
            if let Some(waiting) = waiting.bridge.take() {
                waiting.commit()?;
            }
            journal.files_are(root, Side::Bridge)?;
            Ok(None)
        }
        Step::ReplaceFiles { files } => {
            if let Some(waiting) = waiting.last.take() {
                waiting.commit()?;
            }
            journal.files_are(root, last_side(direction))?;
            Ok(Some(match direction {
                Direction::Forward => format!("{} replaced", count(*files, "file")),
                Direction::Backward => format!("{} as before", count(*files, "file")),
            }))
        }
        Step::LinkNames { volumes } => {
            live::links::settle(journal.saved.volumes.as_deref().unwrap_or_default(), &from, &to)?;
            Ok(Some(format!("{} linked under the name {to}", count(*volumes, "volume"))))
        }
        Step::ReloadSystemd => live::reload_systemd().map(|()| None),
        Step::AwaitReboot => {
            if live::links::are_needed(journal.saved.volumes.as_deref().unwrap_or_default(), &from)
            {
                live::reboot::announce(&from, &to)?;
            } else {
                live::reboot::withdraw()?;
            }
            Ok(None)
        }
        Step::RebuildImage { kernel, path, .. } => {
            let wanted = Image { version: kernel.clone(), path: path.clone() };
            image(root, journal, &wanted, direction, cut).map(Some)
        }
        Step::Verify => verify(root, journal, direction).map(Some),
    }
}

/// Nothing to do where the group has the name already: a run that was cut is taken up.
fn rename_group(uuid: &str, to: &VgName) -> Result<()> {
    if lvm::name_of(uuid)? == *to {
        return Ok(());
    }
    live::with_name_free(to, || lvm::rename_group(uuid, to))
}

fn image(
    root: &Root,
    journal: &Journal,
    image: &Image,
    direction: Direction,
    cut: bool,
) -> Result<String> {
    let resolved =
        root.resolve(&image.path)?.ok_or_else(|| anyhow!("`{}` is gone", image.path.display()))?;
    let outer: PathBuf = root.outer(&resolved);
    if direction == Direction::Backward {
        journal.restore_image(&outer)?;
        if cut {
            journal.remove_unfinished(&outer)?;
        }
        return Ok(format!("{} as before", image.path.display()));
    }
    let generator =
        journal.saved.generator.ok_or_else(|| anyhow!("the images' generator is not known"))?;
    journal.keep_image(&outer)?;
    let stood = Stamp::of(&outer)?;
    initramfs::rebuild(generator, image, &outer)?;
    failpoint::hit("image")?;
    // The generators write a new file; one that did nothing (update_initramfs=no) leaves the old.
    if Stamp::of(&outer)? == stood {
        bail!(
            "{} ended well and left the old `{}` in place: look into its configuration \
             (update_initramfs= in /etc/initramfs-tools/update-initramfs.conf), or use --no-initramfs",
            generator.name(),
            outer.display()
        );
    }
    let wanted = audit::wanted(root, &journal.saved.old, volumes(journal))?;
    let told = initramfs::inspect::judge(&journal.kept_image(&outer)?, &outer, &wanted)?;
    staged::sync(&[outer])?;
    let told = told.map(|told| format!(", but {told}")).unwrap_or_default();
    Ok(format!("{} built anew{told}", image.path.display()))
}

/// The proof: going forward a second plan is empty; going back every file has its old bytes. Either
/// way LVM says the name.
fn verify(root: &Root, journal: &Journal, direction: Direction) -> Result<String> {
    let (from, to) = names(journal, direction);
    if let Some(uuid) = &journal.saved.uuid {
        let name = lvm::name_of(uuid)?;
        if name != to {
            bail!("LVM calls the group {uuid} `{name}`, not `{to}`");
        }
    }
    if direction == Direction::Backward {
        journal.files_are(root, Side::Before)?;
        return Ok(format!("every file has its old bytes; the group is {to}"));
    }
    let left = plan::files(root, &from, &to, volumes(journal)).context("planning again")?;
    if let Some(change) = left.changes.first() {
        bail!("`{}` still names {from} after the rename", change.path.display());
    }
    Ok(format!("planned again: no known place names {from} any more"))
}

/// The group's volumes, as they were known when the run began.
pub(crate) fn volumes(journal: &Journal) -> Volumes {
    match &journal.saved.volumes {
        Some(volumes) => Volumes::Known(volumes.iter().map(|volume| volume.name.clone()).collect()),
        None => Volumes::ByForm,
    }
}
