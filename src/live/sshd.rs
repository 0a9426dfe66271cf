//! The SSH server that runs.

use anyhow::{Context, Result};

use super::has_systemd;
use crate::run::{Cmd, Program, ending, quoted};

/// Its unit: Debian's name, and that of the others.
const UNITS: &[&str] = &["ssh.service", "sshd.service"];

/// What it says before it was started for the first time since the boot (sshd.c).
const NOT_STARTED: &str = "Missing privilege separation directory";

/// Whether one is installed.
pub fn is_installed() -> bool {
    Program::Sshd.find().is_some()
}

/// Has the server check its configuration and keys (sshd(8), `-t`). One that was never started since the
/// boot does not, and has none to lose.
///
/// # Errors
/// What it says against them.
pub fn check() -> Result<()> {
    let command = Cmd::new(Program::Sshd).arg("-t");
    let output = command.output()?;
    if output.status.success() || String::from_utf8_lossy(&output.stderr).contains(NOT_STARTED) {
        return Ok(());
    }
    anyhow::bail!("{command} {}{}", ending(output.status), quoted(&output.stderr))
}

/// Lets a server that runs read its keys again; sessions live on. False where none runs.
///
/// # Errors
/// What systemctl says.
pub fn reload() -> Result<bool> {
    if !has_systemd() {
        return Ok(false);
    }
    for unit in UNITS {
        let asked = Cmd::new(Program::Systemctl).args(["is-active", "--quiet", unit]).output()?;
        if asked.status.success() {
            let reload = Cmd::new(Program::Systemctl).args(["reload", unit]).checked();
            reload.context("making the SSH server read its new keys")?;
            return Ok(true);
        }
    }
    Ok(false)
}
