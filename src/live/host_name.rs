//! The running system's host name, which the kernel holds (sethostname(2)).

use anyhow::{Context, Result, anyhow, bail};

use super::has_systemd;
use crate::run::{Cmd, Program};

/// The longest name that the kernel accepts, in bytes (sethostname(2)).
pub const MAX_LENGTH: usize = 64;

/// The running system's name.
///
/// # Errors
/// A name that is not text.
pub fn now() -> Result<String> {
    let name = nix::unistd::gethostname().context("asking for the running system's host name")?;
    name.into_string()
        .map_err(|_| anyhow!("the running system's host name is not text: see hostname(1)"))
}

/// Demands a program that can set the name.
///
/// # Errors
/// No such program is installed.
pub fn can_be_set() -> Result<()> {
    let by_systemd = has_systemd() && Program::Hostnamectl.find().is_some();
    if by_systemd || Program::Hostname.find().is_some() {
        return Ok(());
    }
    bail!(
        "neither `hostnamectl` nor `hostname` is installed to rename the running system: install one of them, or \
         use --files-only and reboot"
    )
}

/// Sets the running system's name, and reads it back. systemd-hostnamed is asked first, because other programs learn
/// the name from it. It sets the name in /etc/hostname, whatever name it is given (hostnamectl(1), `--transient`), so
/// that file must be in place already.
///
/// # Errors
/// An error of the program, or a name that is different afterwards.
pub fn set(name: &str) -> Result<()> {
    if has_systemd() && Program::Hostnamectl.find().is_some() {
        let command = Cmd::new(Program::Hostnamectl).args(["--transient", "set-hostname", name]);
        match command.checked() {
            Ok(_) if now()? == name => return Ok(()),
            Ok(_) => log::debug!("{command} succeeded, but the name is another one"),
            // Without D-Bus, there is no systemd-hostnamed.
            Err(error) if Program::Hostname.find().is_none() => return Err(error),
            Err(error) => log::info!("{error:#}"),
        }
    }
    Cmd::new(Program::Hostname).arg(name).checked()?;
    let now = now()?;
    if now != name {
        bail!("the running system is called `{now}`, not `{name}`: see hostnamectl(1)");
    }
    Ok(())
}
