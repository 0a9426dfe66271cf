//! A lock of logind's against a shutdown or sleep in the middle of a run.

use std::path::Path;

use crate::run::held::Held;
use crate::run::{Cmd, Program};

/// Whether logind runs (systemd src/libsystemd/sd-login, `logind_running`).
const SEATS: &str = "/run/systemd/seats";

/// Holds off a shutdown and sleep until it is dropped, or this process ends in whatever way
/// (systemd-inhibit(1), mode `block`). Root may shut down all the same, and a power cut asks nobody:
/// the journal is for these. Where no lock is to be had, the run goes on without it.
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
