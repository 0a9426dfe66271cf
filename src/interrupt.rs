//! Signals that reach a run in the middle.
//!
//! Ctrl-C and a request to end stop it before the next step, and it is undone; a terminal that
//! goes away does not stop it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether Ctrl-C ends the process, once [`hold`] has taken it in hand.
static ENDS: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
static CAUGHT: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);
static HEEDED: AtomicBool = AtomicBool::new(true);

/// From now on signals are noted instead of ending the process.
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

/// The signal that came, while signals are heeded.
pub fn caught() -> Option<usize> {
    let number = CAUGHT.load(Ordering::SeqCst);
    (number != 0 && HEEDED.load(Ordering::SeqCst)).then_some(number)
}

/// From now on no signal stops the run: it is on its way back.
pub fn ignore() {
    HEEDED.store(false, Ordering::SeqCst);
}

/// Ctrl-C is another's while this lives; afterwards it ends the process as before.
#[derive(Debug)]
pub struct Hold(());

/// Leaves Ctrl-C to a program on the terminal, for a time in which nothing is changed.
pub fn hold() -> Hold {
    ENDS.store(false, Ordering::SeqCst);
    // Where it cannot be held, Ctrl-C ends postclone under its pager: a nuisance, no harm.
    let _ = flag::register_conditional_default(SIGINT, Arc::clone(&ENDS));
    Hold(())
}

impl Drop for Hold {
    fn drop(&mut self) {
        ENDS.store(true, Ordering::SeqCst);
    }
}
