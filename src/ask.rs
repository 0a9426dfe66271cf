//! The one question.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result, anyhow};

use crate::exit::refuse;

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
