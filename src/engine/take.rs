//! Takes the steps of a run, forward or backward. The journal announces each step first.
//!
//! Every step looks before it acts, so that an interrupted step can be taken again.

use anyhow::{Result, bail};

use super::due::{Due, last_side};
use super::{act, crew, foreign, held, image_step, proof};
use crate::change::{Changes, Told};
use crate::exit::Standing;
use crate::failpoint;
use crate::guest::root::Root;
use crate::interrupt;
use crate::plan::{Phase, Step};
use crate::progress::Ticker;
use crate::transaction::files::{Side, Waiting};
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;
use crate::transaction::reserve::Reserve;

/// A run as its steps see it.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) root: &'a Root,
    pub(super) journal: &'a Journal,
    pub(super) changes: &'a Changes,
}

/// How a run is carried out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// Replace files that somebody changed since.
    pub force: bool,
    /// Continue after a failure, and undo as much as possible.
    pub keep_going: bool,
    /// Going back, only report a next boot that would fail, because the cause is not the run.
    pub only_tells: bool,
}

/// What was seen, and what failed.
#[derive(Debug, Default)]
pub struct Taken {
    /// Sentences. Each says something that was checked after it was done.
    pub seen: Vec<String>,
    /// Sentences. Each is about something that belongs to somebody else by now.
    pub left: Vec<String>,
    /// Failures, if the manner is to keep going.
    pub failures: Vec<anyhow::Error>,
}

/// Takes every step that is not done yet. Closes the journal if nothing failed.
pub fn take(
    root: &Root,
    journal: &mut Journal,
    changes: &Changes,
    direction: Direction,
    manner: Manner,
) -> Result<Taken> {
    let mut outcome = Taken::default();
    let due = Due::of(changes.phases(&journal.saved.steps)?);
    journal.sweep(root)?;
    if direction == Direction::Backward && !manner.force {
        outcome.left = foreign::pass_over(root, journal, changes)?;
    }
    let mut waiting = Staging::of(root, journal, &due, direction, manner, &mut outcome)?;
    // Released at the end of this function, so that an undo has the room that it needs.
    let mut reserve = Reserve::default();
    if direction == Direction::Forward {
        reserve.fill(journal, root)?;
    }
    let steps = journal.saved.steps.clone();
    // The group's name and the files go back together or not at all. A system with only one of them back does not
    // boot.
    let mut held = direction == Direction::Backward
        && !outcome.failures.is_empty()
        && due.pivot_was_begun(journal);
    let mut next = 0;
    while let Some(step) = steps.get(next) {
        let number = next;
        next += 1;
        let phase = due.phase(number);
        let left_out = (phase.is_live() && !root.is_live()) || (held && phase != Phase::Image);
        if left_out || !due.is(journal, number, direction) {
            continue;
        }
        if let Some(signal) = interrupt::caught() {
            bail!("stopped by signal {signal}");
        }
        if direction == Direction::Forward && image_step::of(step).is_some() {
            let is_due = |number| due.is(journal, number, direction);
            if let Some(crew) = crew::gather(root, journal, number, is_due) {
                next = crew.range.end;
                outcome.seen.extend(crew::work(root, journal, changes, crew)?);
                continue;
            }
        }
        let words = changes.words(step, direction);
        log::info!("{words}");
        let _ticker = Ticker::start(words);
        // The step was begun and never done, so whatever it started may have left something behind.
        let cut = !journal.is_done(Direction::Forward, number);
        // On the way back, it is better to take a step than to stop because it cannot be announced. The way forward
        // is announced, and undo looks at every step before it acts.
        let announced = noted(journal.intend(direction, number), manner, &mut outcome)?;
        Standing::Begun.note();
        let run = Run { root, journal, changes };
        let taken = failpoint::hit("step").and_then(|()| {
            if held {
                return held::image(&run, step);
            }
            if phase == Phase::Pivot {
                waiting.still_fit()?;
            }
            let unmounted = changes.unmounts(step)?;
            reserve.release(&unmounted)?;
            let seen = act::take(&run, step, direction, cut, manner.force, &mut waiting)?;
            if direction == Direction::Forward && !unmounted.is_empty() {
                reserve.fill(journal, root)?;
            }
            Ok(seen)
        });
        let is_proved = phase == Phase::Verify && changes.concern_boot();
        if is_proved && direction == Direction::Backward && !held && taken.is_ok() {
            match proof::demand_before(&run) {
                Ok(proof) => outcome.seen.push(proof),
                Err(error) if manner.only_tells => outcome.left.push(format!("{error:#}")),
                Err(error) => outcome.failures.push(error),
            }
        }
        match taken {
            Ok(seen) => {
                if let (Some(told), Step::ReplaceFiles { .. }) = (waiting.told.0, step) {
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
                held |= matches!(phase, Phase::Bridge | Phase::Pivot);
            }
            Err(error) => return Err(error),
        }
    }
    if held {
        outcome.failures.push(held::settle(root, journal, changes));
    }
    if outcome.failures.is_empty() {
        journal.close(direction)?;
    }
    Ok(outcome)
}

/// Whether a record was written. If the manner is to keep going, a failure is noted.
fn noted(written: Result<()>, manner: Manner, outcome: &mut Taken) -> Result<bool> {
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

/// The files that wait for their step, and when the machine was told to pivot.
#[derive(Default)]
pub(super) struct Staging {
    pub(super) bridge: Option<Waiting>,
    pub(super) last: Option<Waiting>,
    /// When the machine was told to pivot.
    pub(super) told: Told,
}

impl Staging {
    /// Stages everything that the run must still put in place.
    ///
    /// # Errors
    /// A file that cannot be staged, unless the manner is to keep going.
    fn of(
        root: &Root,
        journal: &Journal,
        due: &Due,
        direction: Direction,
        manner: Manner,
        outcome: &mut Taken,
    ) -> Result<Self> {
        // Files are staged before the group is renamed, so that what can fail fails first, and the change itself is
        // short.
        let mut waiting = Self::default();
        let mut waiting_on_bridge = false;
        for (slot, side) in
            [(&mut waiting.bridge, Side::Bridge), (&mut waiting.last, last_side(direction))]
        {
            if !due.puts(journal, direction, side) {
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
        Ok(waiting)
    }

    /// Demands that no target was changed since its file was staged. This is checked right before the pivot, when
    /// everything can still be undone.
    fn still_fit(&self) -> Result<()> {
        self.bridge.iter().chain(&self.last).try_for_each(Waiting::still_fits)
    }
}
