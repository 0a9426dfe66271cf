//! What a person is asked.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result, anyhow};

use crate::exit::refuse;
use crate::host::Spelling;
use crate::printable;

/// Whether somebody can answer.
pub fn is_possible() -> bool {
    io::stdin().is_terminal()
}

/// Asks what the machine is called; an empty answer takes what is proposed.
///
/// # Errors
/// An answer that can be no host's name, and none where nothing is proposed.
pub fn host_name(why: &str, proposed: Option<&str>) -> Result<Spelling> {
    let asking = "asking for the host name";
    let mut stderr = io::stderr();
    let default = proposed.map(|name| format!(" [{name}]")).unwrap_or_default();
    let why = printable::line(why);
    write!(stderr, "{why}.\nWhat is this machine's new name?{default} ").context(asking)?;
    stderr.flush().context(asking)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context(asking)?;
    let answer = match (answer.trim(), proposed) {
        ("", Some(proposed)) => proposed,
        ("", None) => return Err(refuse(anyhow!("no name was given: nothing was changed"))),
        (answer, _) => answer,
    };
    Spelling::new(answer).map_err(refuse)
}

/// Asks on the terminal, and refuses where the answer is not yes or nobody can answer.
pub fn confirm(question: &str, without_terminal: &str) -> Result<()> {
    if !io::stdin().is_terminal() {
        return Err(refuse(anyhow!("there is no terminal to ask on: {without_terminal}")));
    }
    let asking = "asking for confirmation";
    let mut stderr = io::stderr();
    write!(stderr, "{question} [y/N] ").context(asking)?;
    stderr.flush().context(asking)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context(asking)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(refuse(anyhow!("not confirmed: nothing was changed")))
}
