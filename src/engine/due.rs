//! Decides which steps of a run are due, forward or backward, from their phases.

use crate::plan::{Act, Phase, Step};
use crate::transaction::files::Side;
use crate::transaction::journal::Journal;
use crate::transaction::record::Direction;

/// The side on which the files are when a run has gone in this direction.
pub(super) fn last_side(direction: Direction) -> Side {
    match direction {
        Direction::Forward => Side::After,
        Direction::Backward => Side::Before,
    }
}

/// Decides for one journal.
pub(super) struct Due {
    phases: Vec<Phase>,
}

impl Due {
    /// For a journal whose steps have these phases.
    pub(super) fn of(phases: Vec<Phase>) -> Self {
        Self { phases }
    }

    /// The phase of a step.
    pub(super) fn phase(&self, number: usize) -> Phase {
        self.phases[number]
    }

    /// Whether a run in this direction must still put files on that side.
    pub(super) fn puts(&self, journal: &Journal, direction: Direction, side: Side) -> bool {
        journal.saved.steps.iter().enumerate().any(|(number, step)| {
            let of_this_side = match step {
                Step::BridgeFiles { .. } => side == Side::Bridge,
                Step::ReplaceFiles { .. } => side != Side::Bridge,
                _ => false,
            };
            of_this_side && self.is(journal, number, direction)
        })
    }

    /// Whether a step is not done yet and has something to do in this direction.
    pub(super) fn is(&self, journal: &Journal, number: usize, direction: Direction) -> bool {
        !journal.is_done(direction, number) && self.concerns(journal, number, direction)
    }

    /// Whether the pivot was ever begun going forward.
    pub(super) fn pivot_was_begun(&self, journal: &Journal) -> bool {
        self.was_begun(journal, |phase, _| phase == Phase::Pivot)
    }

    fn was_begun(&self, journal: &Journal, is: impl Fn(Phase, &Step) -> bool) -> bool {
        let steps = journal.saved.steps.iter().zip(&self.phases).enumerate();
        steps
            .filter(|(_, (step, phase))| is(**phase, step))
            .any(|(number, _)| journal.was_begun(Direction::Forward, number))
    }

    /// Going back, only a step that was begun has something to do.
    fn concerns(&self, journal: &Journal, number: usize, direction: Direction) -> bool {
        if direction == Direction::Forward {
            return true;
        }
        let itself = || journal.was_begun(Direction::Forward, number);
        match (self.phases[number], &journal.saved.steps[number]) {
            (Phase::Verify, _) => true,
            // On the way back, the bridge is needed while the name changes back.
            (Phase::Bridge, _) => self.pivot_was_begun(journal),
            (Phase::Files, Step::ReplaceFiles { .. }) => self.was_begun(journal, |_, step| {
                matches!(step, Step::BridgeFiles { .. } | Step::ReplaceFiles { .. })
            }),
            // A change's files go back together. What was created from them is removed where they are put back.
            (Phase::Files | Phase::Rest, Step::Own(act)) => {
                self.was_begun(journal, |phase, step| {
                    let is_alike = |other: &Act| other.change == act.change;
                    matches!(phase, Phase::Files | Phase::Rest)
                        && matches!(step, Step::Own(other) if is_alike(other))
                })
            }
            (Phase::Image, _) => {
                self.was_begun(journal, |_, step| step.is_bridge_image()) || itself()
            }
            // After an interruption and a boot, the running system may have the new name, whatever was begun before.
            (Phase::Links | Phase::Live, Step::Own(_)) => {
                let files = |_, step: &Step| matches!(step, Step::ReplaceFiles { .. });
                self.pivot_was_begun(journal) || self.was_begun(journal, files) || itself()
            }
            (Phase::Links | Phase::Live, _) => self.pivot_was_begun(journal) || itself(),
            (Phase::Keep | Phase::Pivot | Phase::Files | Phase::Rest | Phase::Late, _) => itself(),
        }
    }
}
