//! The system's own checkers, asked about the new texts before the first change.
//!
//! A file that its checker refused before is nobody's to judge by it.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Job;
use crate::plan::FileChange;
use crate::run::{Cmd, Program, ending, quoted};
use crate::transaction::journal::Journal;

/// Shows every new text to its checker, where there is one and it is installed.
pub(super) fn new_texts(job: &Job, journal: &Journal) -> Result<()> {
    for change in &job.plan.files {
        let Some(checker) = Checker::of(change) else { continue };
        if checker.program().find().is_none() {
            log::debug!("`{}` is not checked: its checker is not installed", change.path.display());
            continue;
        }
        if checker.ask(&journal.copy_of("before", &change.path)).is_err() {
            continue;
        }
        checker
            .ask(&journal.copy_of("after", &change.path))
            .with_context(|| format!("checking the new `{}`", change.path.display()))?;
        if change.bridge.is_some() {
            checker
                .ask(&journal.copy_of("bridge", &change.path))
                .with_context(|| format!("checking the bridged `{}`", change.path.display()))?;
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Checker {
    GrubCfg,
    Sudoers,
    Fstab,
}

impl Checker {
    fn of(change: &FileChange) -> Option<Self> {
        match change.kind {
            "grub-cfg" => Some(Self::GrubCfg),
            "sudoers" => Some(Self::Sudoers),
            "fstab" => Some(Self::Fstab),
            _ => None,
        }
    }

    fn program(self) -> Program {
        match self {
            Self::GrubCfg => Program::GrubScriptCheck,
            Self::Sudoers => Program::Visudo,
            Self::Fstab => Program::Findmnt,
        }
    }

    /// # Errors
    /// What the checker says of the file.
    fn ask(self, file: &Path) -> Result<()> {
        let command = Cmd::new(self.program());
        match self {
            Self::GrubCfg => command.arg(file).checked().map(drop),
            Self::Sudoers => command.args(["-c", "-q", "-f"]).arg(file).checked().map(drop),
            Self::Fstab => fstab_parses(&command.args(["--verify", "--tab-file"]).arg(file)),
        }
    }
}

/// findmnt(8) also looks for the devices, which bear another name by now: of its verdict the lines
/// that it could not read count alone.
fn fstab_parses(command: &Cmd) -> Result<()> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let parses = said.lines().any(|line| line.trim().starts_with("0 parse errors"));
    // Where all is well it says `Success, no errors or warnings detected`.
    if parses || output.status.success() {
        return Ok(());
    }
    bail!("{command} {}{}", ending(output.status), quoted(&output.stderr))
}
