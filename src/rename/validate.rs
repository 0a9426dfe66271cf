//! The system's own checkers, asked about the new texts before the first change.
//!
//! A file that its checker refused before is nobody's to judge by it.

use std::path::Path;

use anyhow::{Result, bail};

use super::Job;
use crate::plan::FileChange;
use crate::run::{Cmd, Output, Program, ending, quoted};
use crate::transaction::journal::Journal;

/// Shows every new text to its checker, where there is one and it is installed.
pub(super) fn new_texts(job: &Job, journal: &Journal) -> Result<()> {
    for change in &job.plan.files {
        let Some(checker) = Checker::of(change) else { continue };
        if checker.program().find().is_none() {
            log::debug!("`{}` is not checked: its checker is not installed", change.path.display());
            continue;
        }
        if checker.objection(&journal.copy_of("before", &change.path))?.is_some() {
            continue;
        }
        let bridged = change.bridge.as_ref().map(|_| ("bridge", "bridged"));
        for (side, word) in [("after", "new")].into_iter().chain(bridged) {
            if let Some(objection) = checker.objection(&journal.copy_of(side, &change.path))? {
                bail!("checking the {word} `{}`: {objection}", change.path.display());
            }
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

    /// What the checker says against the file; nothing where it takes it.
    fn objection(self, file: &Path) -> Result<Option<String>> {
        let command = Cmd::new(self.program());
        let command = match self {
            Self::GrubCfg => command.arg(file),
            Self::Sudoers => command.args(["-c", "-q", "-f"]).arg(file),
            Self::Fstab => command.args(["--verify", "--tab-file"]).arg(file),
        };
        let output = command.output()?;
        if output.status.success() || matches!(self, Self::Fstab) && parses(&output) {
            return Ok(None);
        }
        Ok(Some(format!("{command} {}{}", ending(output.status), quoted(&output.stderr))))
    }
}

/// findmnt(8) also looks for the devices, which bear another name by now: of its verdict the lines
/// that it could not read count alone.
fn parses(output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines().any(|line| line.trim().starts_with("0 parse errors"))
}
