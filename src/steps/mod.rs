//! Takes the steps of a run, forward or backward, each announced in the journal first.
//!
//! Every step looks before it acts, so that one which was cut in the middle can be taken again.

mod act;
pub(crate) mod crew;
pub(crate) mod foreign;
mod held;
mod images;
mod placed;
mod verify;

use std::time::Instant;

use anyhow::{Result, bail};

use crate::exit::Standing;
use crate::guest::root::Root;
use crate::names::VgName;
use crate::plan::Step;
use crate::progress::Ticker;
use crate::proof;
use crate::report::text::step_text;
use crate::rewrite::matcher::Volumes;
use crate::transaction::failpoint;
use crate::transaction::files::{Side, Waiting};
use crate::transaction::journal::Journal;
use crate::transaction::record::{Direction, Saved};
use crate::world::Renaming;
use crate::{due, interrupt};

/// Length of a group's UUID without hyphens.
const GROUP_UUID: usize = 32;

/// How a run is taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// Replace files that somebody changed since.
    pub force: bool,
    /// Go on after a failure: take back as much as can be.
    pub keep_going: bool,
    /// On the way back, only tell of a next boot that would fail: what makes it fail is not the run's.
    pub only_tells: bool,
}

/// What was seen, and what failed.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Sentences, each about something that was looked at after it was done.
    pub seen: Vec<String>,
    /// Sentences, each about something that is somebody else's by now.
    pub left: Vec<String>,
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
    journal.sweep(root)?;
    if direction == Direction::Backward && !manner.force {
        outcome.left = foreign::pass_over(root, journal)?;
    }
    // Staged before the group is renamed: what can fail fails first, and the flip stays short.
    let mut waiting = Staging::default();
    let mut waiting_on_bridge = false;
    for (slot, side) in
        [(&mut waiting.bridge, Side::Bridge), (&mut waiting.last, due::last_side(direction))]
    {
        if !due::puts(journal, direction, side) {
            continue;
        }
        let over_bridge = side != Side::Bridge && waiting_on_bridge;
        waiting_on_bridge = side == Side::Bridge;
        let (ready, failures) = journal.stage(root, side, over_bridge, manner.force);
        if let Some(error) = failures.into_iter().next() {
            if !manner.keep_going {
                return Err(error);
            }
            outcome.failures.push(error);
        }
        *slot = Some(ready);
    }
    // Dropped at the end of this function, so that the way back finds the room that it needs.
    let _room = match direction {
        Direction::Forward => journal.reserve(root)?,
        Direction::Backward => Vec::new(),
    };
    let steps = journal.saved.steps.clone();
    // The group's name and the files go back together or not at all: apart, they do not boot.
    let mut held = direction == Direction::Backward
        && !outcome.failures.is_empty()
        && due::was_begun(journal, |step| matches!(step, Step::RenameGroup { .. }));
    let mut next = 0;
    while let Some(step) = steps.get(next) {
        let number = next;
        next += 1;
        let is_image = step.is_image();
        let left_out = (step.is_live() && !root.is_live()) || (held && !is_image);
        if left_out || !due::is_due(journal, step, number, direction) {
            continue;
        }
        if let Some(signal) = interrupt::caught() {
            bail!("stopped by signal {signal}");
        }
        if direction == Direction::Forward && images::of(step).is_some() {
            let due = |step: &Step, number| due::is_due(journal, step, number, direction);
            if let Some(crew) = crew::gather(root, journal, number, due) {
                next = crew.range.end;
                outcome.seen.extend(crew::work(root, journal, crew)?);
                continue;
            }
        }
        log::info!("{}", step_text(step, direction));
        let _ticker = Ticker::start(step_text(step, direction));
        // Begun and never done: whatever it started may have left something behind.
        let cut = !journal.is_done(Direction::Forward, number);
        // On the way back a step that cannot be announced is better taken all the same: the way
        // forward is announced, and undo looks at every step before it acts.
        let announced = noted(journal.intend(direction, number), manner, &mut outcome)?;
        Standing::Begun.note();
        let taken = failpoint::hit("step").and_then(|()| {
            if held {
                return held::image(root, journal, step);
            }
            if matches!(step, Step::RenameGroup { .. }) {
                waiting.still_fit()?;
            }
            act::take(root, journal, step, direction, cut, manner.force, &mut waiting)
        });
        if *step == Step::Verify && direction == Direction::Backward && !held && taken.is_ok() {
            match proof::demand_before(root, &journal.saved) {
                Ok(proof) => outcome.seen.push(proof),
                Err(error) if manner.only_tells => outcome.left.push(format!("{error:#}")),
                Err(error) => outcome.failures.push(error),
            }
        }
        match taken {
            Ok(seen) => {
                if let (Some(told), Step::ReplaceFiles { .. }) = (waiting.told, step) {
                    let time = told.elapsed().as_millis();
                    log::debug!("{time} ms from LVM's rename until the last file was on disk");
                }
                outcome.seen.extend(seen);
                if announced {
                    noted(journal.did(direction, number), manner, &mut outcome)?;
                }
            }
            Err(error) if manner.keep_going => {
                outcome.failures.push(error);
                held |= step.is_bridge_image()
                    || matches!(step, Step::BridgeFiles { .. } | Step::RenameGroup { .. });
            }
            Err(error) => return Err(error),
        }
    }
    if held {
        outcome.failures.push(held::settle(root, journal));
    }
    if outcome.failures.is_empty() {
        journal.close(direction)?;
    }
    Ok(outcome)
}

/// Whether a record was written; where the manner is to keep going, a failure is noted.
fn noted(written: Result<()>, manner: Manner, outcome: &mut Outcome) -> Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if manner.keep_going => {
            let told = format!("{error:#}");
            if outcome.failures.iter().all(|failure| format!("{failure:#}") != told) {
                outcome.failures.push(error);
            }
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The files that wait for their step, and since when.
#[derive(Default)]
struct Staging {
    bridge: Option<Waiting>,
    last: Option<Waiting>,
    /// When LVM was told to rename the group.
    told: Option<Instant>,
}

impl Staging {
    /// Demands that no target was changed since it was staged: asked right before the group gets its
    /// name, when all can still be taken back.
    fn still_fit(&self) -> Result<()> {
        self.bridge.iter().chain(&self.last).try_for_each(Waiting::still_fits)
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

/// What a run is about, for a [`crate::world::World`] in which it is over.
pub(crate) fn renaming(saved: &Saved) -> Renaming<'_> {
    let mut uuids = saved.volumes.iter().flatten().filter_map(|volume| volume.dm_uuid.as_deref());
    // A group that was renamed by hand is known by its volumes' dm UUIDs alone.
    let of_volumes = uuids.find_map(|uuid| uuid.strip_prefix("LVM-")?.get(..GROUP_UUID));
    Renaming {
        old: &saved.old,
        new: &saved.new,
        uuid: saved.uuid.as_deref().or(of_volumes),
        volumes: volumes_of(saved),
    }
}

/// The group's volumes, as they were known when the run began.
pub(crate) fn volumes(journal: &Journal) -> Volumes {
    volumes_of(&journal.saved)
}

fn volumes_of(saved: &Saved) -> Volumes {
    match &saved.volumes {
        Some(volumes) => Volumes::Known(volumes.iter().map(|volume| volume.name.clone()).collect()),
        None => Volumes::ByForm,
    }
}
