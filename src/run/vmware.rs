//! What VMware's host knows about a guest.

use std::time::Duration;

use super::{Cmd, Program};

/// The name that somebody wrote into the machine's settings. VMware itself sets none.
pub fn host_name() -> Option<String> {
    Program::VmwareRpctool.find()?;
    let output = Cmd::new(Program::VmwareRpctool)
        .arg("info-get guestinfo.hostname")
        .limit(Duration::from_secs(5))
        .output()
        .map_err(|error| log::debug!("{error:#}"))
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
