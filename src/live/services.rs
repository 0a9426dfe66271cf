//! Finds out which services run.

use anyhow::{Result, bail};

use super::has_systemd;
use crate::run::{Cmd, Program};

/// Those of the units that are active, in order. Empty without systemd. systemctl(1) prints one line per unit, and
/// fails if one of them is not active.
///
/// # Errors
/// An answer in another form.
pub fn active<'a>(units: &[&'a str]) -> Result<Vec<&'a str>> {
    if units.is_empty() || !has_systemd() || Program::Systemctl.find().is_none() {
        return Ok(Vec::new());
    }
    let command = Cmd::new(Program::Systemctl).arg("is-active").args(units.iter().copied());
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let states: Vec<&str> = text.lines().map(str::trim).collect();
    if states.len() != units.len() {
        bail!("{command} said {} lines of {} units", states.len(), units.len());
    }
    let is_active = |state: &str| matches!(state, "active" | "reloading" | "refreshing");
    let units = units.iter().zip(states).filter(|(_, state)| is_active(state));
    Ok(units.map(|(unit, _)| *unit).collect())
}
