//! Signals that arrive in the middle of a run.
//!
//! Ctrl-C and SIGTERM stop the run before its next step, and it is undone. A terminal that goes away does not stop
//! it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether Ctrl-C ends the process, once [`hold`] has taken control of it.
static ENDS: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
static CAUGHT: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);
static HEEDED: AtomicBool = AtomicBool::new(true);

/// Signals no longer end the process from now on. They are noted instead.
pub fn watch() -> Result<()> {
    ENDS.store(false, Ordering::SeqCst);
    for signal in [SIGINT, SIGTERM] {
        let number = usize::try_from(signal).unwrap_or_default();
        flag::register_usize(signal, Arc::clone(&CAUGHT), number)
            .context("watching for signals")?;
    }
    flag::register(SIGHUP, Arc::default()).context("watching for signals")?;
    Ok(())
}

/// The signal that arrived, unless signals are ignored.
pub fn caught() -> Option<usize> {
    let number = CAUGHT.load(Ordering::SeqCst);
    (number != 0 && HEEDED.load(Ordering::SeqCst)).then_some(number)
}

/// From now on, no signal stops the run, because it is being undone.
pub fn ignore() {
    HEEDED.store(false, Ordering::SeqCst);
}

/// While this lives, Ctrl-C belongs to another program. Afterwards, it ends the process as before.
#[derive(Debug)]
pub struct Hold(());

/// Leaves Ctrl-C to a program on the terminal, at a time when nothing is changed.
pub fn hold() -> Hold {
    ENDS.store(false, Ordering::SeqCst);
    // If this fails, Ctrl-C ends postclone under its pager. That is a nuisance, but does no harm.
    let _ = flag::register_conditional_default(SIGINT, Arc::clone(&ENDS));
    Hold(())
}

impl Drop for Hold {
    fn drop(&mut self) {
        ENDS.store(true, Ordering::SeqCst);
    }
}
