//! Signals that reach a run in its middle.
//!
//! Ctrl-C and a request to end stop it before the next step, and it is taken back; a terminal that
//! goes away does not stop it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

static CAUGHT: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);
static HEEDED: AtomicBool = AtomicBool::new(true);

/// From now on signals are noted instead of ending the process.
pub fn watch() -> Result<()> {
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
