//! Jobs that may create more jobs, shared by a few threads.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A stack of jobs: last in, first out. So a walk goes deep before it goes wide, and keeps few directories
/// open.
pub(super) struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
}

struct State<J> {
    jobs: Vec<J>,
    busy: usize,
    ended: bool,
}

impl<J> Queue<J> {
    pub(super) fn new(jobs: Vec<J>) -> Self {
        let state = State { jobs, busy: 0, ended: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Takes jobs until none is left and no other thread can add one.
    pub(super) fn work(&self, mut take: impl FnMut(J)) {
        loop {
            let mut state = self.lock();
            let job = loop {
                if let Some(job) = state.jobs.pop() {
                    break job;
                }
                if state.busy == 0 {
                    state.ended = true;
                    self.changed.notify_all();
                    return;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            };
            state.busy += 1;
            drop(state);
            let _busy = Busy(self);
            take(job);
        }
    }

    /// Adds jobs.
    pub(super) fn add(&self, jobs: impl IntoIterator<Item = J>) {
        let mut state = self.lock();
        state.jobs.extend(jobs);
        self.changed.notify_all();
    }

    /// Waits for the end, at most for `limit`. Returns whether the end has come.
    pub(super) fn wait_for_end(&self, limit: Duration) -> bool {
        let state = self.lock();
        if state.ended {
            return true;
        }
        let waited = self.changed.wait_timeout_while(state, limit, |state| !state.ended);
        waited.is_ok_and(|(state, _)| state.ended)
    }

    fn rest(&self) {
        let mut state = self.lock();
        state.busy -= 1;
        if state.busy == 0 && state.jobs.is_empty() {
            state.ended = true;
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread at work. It also ends at a panic. Otherwise, the other threads would wait forever.
struct Busy<'a, J>(&'a Queue<J>);

impl<J> Drop for Busy<'_, J> {
    fn drop(&mut self) {
        self.0.rest();
    }
}
