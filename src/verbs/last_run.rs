//! The state of the last run, as `postclone status` shows it.

use std::path::Path;

use serde::Serialize;

use crate::change::Changes;
use crate::transaction::journal::Journal;
use crate::transaction::record::{Direction, State};

/// The state of the last run.
#[derive(Serialize)]
pub(crate) struct Run {
    pub(crate) old: String,
    pub(crate) new: String,
    /// Each old name with its new one.
    #[serde(skip)]
    pub(crate) way: String,
    pub(crate) state: &'static str,
    pub(crate) journal: std::path::PathBuf,
    /// The process that is working on it, if there is one. 0 if it is unknown which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<u32>,
    /// The step that it is working on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
}

impl Run {
    /// Its state, for people.
    pub(crate) fn said(&self) -> &'static str {
        match self.state {
            "cut" => "interrupted",
            "undo-cut" => "undo interrupted",
            "undo-running" => "undo running",
            state => state,
        }
    }
}

/// The last run, as the user sees it: a plan that undoes a run counts as that run's undo.
pub(super) fn run_of(journal: &Journal, changes: &Changes, at_work: Option<u32>) -> Run {
    let saved = &journal.saved;
    let is_undo = saved.undoes.is_some();
    let (old, new) = (changes.names(Direction::Backward), changes.names(Direction::Forward));
    let (old, new) = if is_undo { (new, old) } else { (old, new) };
    let way = changes.way(if is_undo { Direction::Backward } else { Direction::Forward });
    let goes_back = is_undo || journal.state() == State::Open(Direction::Backward);
    let state = match journal.state() {
        State::Open(_) if at_work.is_some() && goes_back => "undo-running",
        State::Open(_) if at_work.is_some() => "running",
        State::Open(_) if goes_back => "undo-cut",
        State::Open(_) => "cut",
        State::Done if is_undo => "undone",
        State::Done => "done",
        State::Undone => "undone",
    };
    let open = matches!(journal.state(), State::Open(_));
    Run {
        old,
        new,
        way,
        state,
        journal: journal.dir().to_owned(),
        pid: at_work.filter(|_| open),
        step: at_work.and_then(|_| {
            let (step, direction) = journal.step_at_work()?;
            Some(changes.words(step, direction))
        }),
    }
}

/// What to do while another process has the lock.
pub(super) fn waits(pid: u32) -> String {
    let lives = Path::new("/proc").join(pid.to_string()).exists();
    match pid {
        0 => "A postclone is running: wait until it has ended.".to_owned(),
        _ if lives => format!("postclone is running as process {pid}: wait until it has ended."),
        _ => format!(
            "An image tool that postclone (process {pid}) left behind is running: wait until it has ended."
        ),
    }
}
