//! A lock of logind against a shutdown or sleep in the middle of a run.

use std::path::Path;

use crate::run::held::Held;
use crate::run::{Cmd, Program};

/// Whether logind runs (systemd src/libsystemd/sd-login, `logind_running`).
const SEATS: &str = "/run/systemd/seats";

/// Blocks a shutdown or sleep until it is dropped or this process ends (systemd-inhibit(1), mode `block`). Root can
/// still shut the system down, and the power may fail. The journal covers these cases. If there is no lock, the run
/// continues without it.
pub(super) fn shutdown() -> Option<Held> {
    if !Path::new(SEATS).is_dir() {
        log::debug!("logind does not run here: nothing holds off a shutdown");
        return None;
    }
    let command = Cmd::new(Program::SystemdInhibit).args([
        "--what=shutdown:sleep",
        "--mode=block",
        "--who=postclone",
        "--why=a volume group is being renamed",
        "cat",
    ]);
    command.hold().map_err(|error| log::debug!("nothing holds off a shutdown: {error:#}")).ok()
}
