//! Named points at which a test makes a run fail, or kills it. Nothing of it is in a normal build.

#![allow(
    clippy::disallowed_methods,
    reason = "it records points for tests, and is not in the package"
)]

use anyhow::Result;

/// Fails or ends the process where `POSTCLONE_FAILPOINT=N:fail` or `N:kill` says so for the Nth
/// point that is passed; with `POSTCLONE_FAILPOINT_LOG=FILE` each point's name is noted there.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) -> Result<()> {
    use std::io::Write as _;
    use std::sync::{Mutex, PoisonError};
    static PASSED: Mutex<usize> = Mutex::new(0);
    let number = {
        // Held until the name is noted: images are built side by side, and line N is point N.
        let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
        *passed += 1;
        if let Some(log) = std::env::var_os("POSTCLONE_FAILPOINT_LOG") {
            let mut file = std::fs::File::options().create(true).append(true).open(log)?;
            file.write_all(format!("{name}\n").as_bytes())?;
        }
        *passed
    };
    let Ok(wanted) = std::env::var("POSTCLONE_FAILPOINT") else { return Ok(()) };
    let Some((at, act)) = wanted.split_once(':') else { return Ok(()) };
    if at.parse() != Ok(number) {
        return Ok(());
    }
    if act == "kill" {
        nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL)?;
    }
    anyhow::bail!("failpoint {number} ({name})")
}

/// Does nothing.
#[cfg(not(feature = "failpoints"))]
#[inline]
#[allow(clippy::unnecessary_wraps)]
pub fn hit(_name: &str) -> Result<()> {
    Ok(())
}
