//! The running SSH server.

use anyhow::{Context, Result};

use super::has_systemd;
use crate::run::{Cmd, Program, ending, quoted};

/// Its unit: Debian's name, and the name elsewhere.
const UNITS: &[&str] = &["ssh.service", "sshd.service"];

/// The error of a server that was not started since the boot (sshd.c).
const NOT_STARTED: &str = "Missing privilege separation directory";

/// Whether an SSH server is installed.
pub fn is_installed() -> bool {
    Program::Sshd.find().is_some()
}

/// Makes the server check its configuration and keys (sshd(8), `-t`). A server that was not started since the boot
/// does not check them. That is fine, because it has no sessions to lose.
///
/// # Errors
/// What the server reports about them.
pub fn check() -> Result<()> {
    let command = Cmd::new(Program::Sshd).arg("-t");
    let output = command.output()?;
    if output.status.success() || String::from_utf8_lossy(&output.stderr).contains(NOT_STARTED) {
        return Ok(());
    }
    anyhow::bail!("{command} {}{}", ending(output.status), quoted(&output.stderr))
}

/// Makes a running server read its keys again. Sessions stay open. Returns false if no server runs.
///
/// # Errors
/// An error of systemctl.
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
