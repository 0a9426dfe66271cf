//! Asks the system's own checkers about the new texts before the first change.
//!
//! If a checker refused a file before the change, its opinion of the new text does not count.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Result, bail};

use crate::change::Job;
use crate::plan::FileChange;
use crate::run::{Cmd, Output, Program, ending, quoted};
use crate::transaction::excerpt;
use crate::transaction::journal::Journal;

/// Shows every new text to its checker, if there is one and it is installed.
pub(super) fn new_texts(job: &Job, journal: &Journal) -> Result<()> {
    let renamed: HashSet<&Path> =
        job.plan.paths.changes.iter().map(|path| path.from.as_path()).collect();
    for change in &job.plan.files {
        let Some(checker) = Checker::of(job, change, &renamed) else { continue };
        if checker.program().find().is_none() {
            log::debug!("`{}` is not checked: its checker is not installed", change.path.display());
            continue;
        }
        let quotes = !change.private;
        if checker.objection(&journal.copy_of("before", &change.path), quotes)?.is_some() {
            continue;
        }
        let bridged = change.bridge.as_ref().map(|_| ("bridge", "bridged"));
        for (side, word) in [("after", "new")].into_iter().chain(bridged) {
            if let Some(objection) =
                checker.objection(&journal.copy_of(side, &change.path), quotes)?
            {
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
    Unit,
}

/// How many lines findmnt(8) is shown at a time. Its time grows with about the third power of them: a hundred took
/// 0.03 s, four hundred 0.9 s, two thousand 98 s (util-linux 2.38).
const FSTAB_LINES: usize = 100;

/// Files that systemd-analyze(1) accepts as units. Drop-ins are not among them.
const UNITS: &[&str] =
    &["service", "socket", "mount", "automount", "swap", "target", "path", "timer", "slice"];

impl Checker {
    fn of(job: &Job, change: &FileChange, renamed: &HashSet<&Path>) -> Option<Self> {
        match change.kind {
            "systemd-mount" | "systemd-unit" => {
                is_checked_unit(job, change, renamed).then_some(Self::Unit)
            }
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
            Self::Unit => Program::SystemdAnalyze,
        }
    }

    /// What the checker says against the file. `None` if it accepts the file. The checker's own words are left out if
    /// they may quote a file that not everybody may read.
    fn objection(self, file: &Path, quotes: bool) -> Result<Option<String>> {
        match self {
            Self::Fstab => excerpt::each(file, FSTAB_LINES, |part| self.ask(part, quotes)),
            _ => self.ask(file, quotes),
        }
    }

    fn ask(self, file: &Path, quotes: bool) -> Result<Option<String>> {
        let command = Cmd::new(self.program());
        let command = match self {
            Self::GrubCfg => command.arg(file),
            Self::Sudoers => command.args(["-c", "-q", "-f"]).arg(file),
            // Keeps libblkid from writing what it found to its cache (libblkid, `blkid_flush_cache`).
            Self::Fstab => {
                command.env("BLKID_FILE", "/dev/null").args(["--verify", "--tab-file"]).arg(file)
            }
            Self::Unit => command.arg("verify").arg(file),
        };
        let output = command.output()?;
        if output.status.success() || matches!(self, Self::Fstab) && parses(&output) {
            return Ok(None);
        }
        let said = if quotes { quoted(&output.stderr) } else { String::new() };
        Ok(Some(format!("{command} {}{said}", ending(output.status))))
    }
}

/// systemd-analyze checks a unit by its name, too (systemd.swap(5)), but a renamed unit gets its name only later. It
/// also checks a unit among those of the running system.
fn is_checked_unit(job: &Job, change: &FileChange, renamed: &HashSet<&Path>) -> bool {
    let suffix = change.path.extension().and_then(|suffix| suffix.to_str());
    job.root.is_live()
        && suffix.is_some_and(|suffix| UNITS.contains(&suffix))
        && !change.path.ancestors().any(|path| renamed.contains(path))
}

/// findmnt(8) also looks for the devices, which do not have their new names yet. So only the lines that it could not
/// parse count.
fn parses(output: &Output) -> bool {
    // On stdout. util-linux 2.41.5 writes this to stderr (seen in Debian 13).
    let said = [output.stdout.as_slice(), b"\n", &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    said.lines().any(|line| line.trim().starts_with("0 parse errors"))
}
