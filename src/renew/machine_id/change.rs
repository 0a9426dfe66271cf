//! The change to a new machine ID, as the engine sees it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::Ids;
use super::{FILE, KIND, Kept, Renewal, Token, are_in_images, arguments};
use crate::change::{Change, Job, Told};
use crate::guest::mounts::mounted;
use crate::guest::root::Root;
use crate::plan::paths::Shifted;
use crate::plan::{Act, Phase, Rewriter, Role, Subject};
use crate::printable::count;
use crate::renew::entries::{self, Names, TOKEN};
use crate::rewrite::edit::Edit;
use crate::transaction::made;
use crate::transaction::record::Direction;
use crate::transaction::twins;

/// Where systemd-journald keeps a directory for each machine ID.
const JOURNALS: &str = "/var/log/journal";

/// The secret of systemd-creds(1), which is bound to a machine ID.
const SECRET: &str = "/var/lib/systemd/credential.secret";

/// An act of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Own {
    /// Write the ID that boot entries keep in their names into kernel-install's file.
    KeepEntryToken { token: String },
    /// Remove that file, if it contains that ID.
    DropEntryToken { token: String },
    /// Copy what is named after the one ID to names with the other.
    CopyEntries { paths: Vec<PathBuf> },
    /// Remove the originals.
    DropEntries { paths: Vec<PathBuf> },
}

impl Change for Renewal {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn kept(&self) -> Value {
        serde_json::to_value(&self.kept).unwrap_or_default()
    }

    fn subject(&self) -> Subject {
        Subject {
            what: "machine ID",
            old: self.kept.old.clone(),
            new: self.kept.new.clone(),
            named_after: None,
            role: Role::Value,
        }
    }

    fn asked(&self) -> &'static str {
        "Change"
    }

    fn where_image_based(&self) -> Option<&'static str> {
        Some(crate::renew::WHERE_IMAGE_BASED)
    }

    fn needs_images(&self) -> bool {
        self.in_images
    }

    fn argument_edits(&self, command_line: &[u8], direction: Direction) -> Vec<Edit> {
        let (from, to) = self.way(direction);
        arguments::edits(command_line, from, to)
    }

    fn rewriter(&self, direction: Direction) -> Option<Box<dyn Rewriter>> {
        let (from, to) = self.way(direction);
        let names =
            (!self.kept.entries.is_empty()).then(|| Names::of(&self.named(direction), from, to));
        Some(Box::new(Ids { from: from.to_owned(), to: to.to_owned(), names }))
    }

    fn checks(&self, job: &Job) -> Vec<Result<()>> {
        let (from, to) = self.way(Direction::Forward);
        let mut checks = entries::checks(job, &self.kept.entries, from, to);
        checks.push(is_no_mount(&job.root));
        checks.push(arguments::are_built_anew(job, from));
        checks
    }

    fn shifted(&self, root: &Root) -> Result<Vec<Shifted>> {
        let (from, to) = self.way(Direction::Forward);
        entries::shifted(root, &self.kept.entries, from, to)
    }

    fn warnings(&self, job: &Job) -> Vec<String> {
        let root = &job.root;
        let mut told = vec![
            "the machine ID takes effect at the next boot; after that, DHCP servers that identify clients by it \
             may give this machine another address (networkd makes its DUID from it, and NetworkManager may)"
                .to_owned(),
        ];
        told.extend(entries::warnings(&self.kept.entries));
        if arguments::is_of_running(job, &self.kept.old) {
            told.push(
                "until the reboot, kernel-install gives any new kernel the old machine ID as an argument, and \
                 booting that kernel would bring the old ID back: install no kernel before the reboot, or write \
                 /etc/kernel/cmdline"
                    .to_owned(),
            );
        }
        let journal = Path::new(JOURNALS).join(&self.kept.old);
        if root.exists(&journal) {
            told.push(format!(
                "the logs so far stay in `{0}`; `journalctl -D {0}` shows them",
                journal.display()
            ));
        }
        if root.read_text(SECRET).is_some_and(|text| !text.is_empty()) {
            told.push(format!(
                "`{SECRET}` was made for the old machine ID: systemd makes a new one for the new ID, and nothing \
                 can read what systemd-creds encrypted with the old one; decrypt such credentials before the reboot"
            ));
        }
        told
    }

    fn acts(&self, _job: &Job) -> Vec<Act> {
        let act = self.kept.token.map(|token| match token {
            Token::Write => Own::KeepEntryToken { token: self.kept.old.clone() },
            Token::Remove => Own::DropEntryToken { token: self.kept.new.clone() },
        });
        let mut acts: Vec<Own> = act.into_iter().collect();
        if !self.kept.entries.is_empty() {
            acts.push(Own::CopyEntries { paths: self.kept.entries.clone() });
            acts.push(Own::DropEntries { paths: self.kept.entries.clone() });
        }
        acts.iter().map(Act::write).collect()
    }

    fn phase(&self, act: &Act) -> Result<Phase> {
        let (is_own, phase) = match act.read()? {
            Own::KeepEntryToken { token } => {
                (self.kept.token == Some(Token::Write) && token == self.kept.old, Phase::Files)
            }
            Own::DropEntryToken { token } => {
                (self.kept.token == Some(Token::Remove) && token == self.kept.new, Phase::Files)
            }
            Own::CopyEntries { paths } => (paths == self.kept.entries, Phase::Files),
            Own::DropEntries { paths } => (paths == self.kept.entries, Phase::Rest),
        };
        if !is_own {
            bail!("it concerns a different entry token than the plan, or different boot entries");
        }
        Ok(phase)
    }

    fn words(&self, act: &Act, direction: Direction) -> String {
        let (from, to) = self.way(direction);
        let (token, keeps) = match (act.read(), direction) {
            (Ok(Own::KeepEntryToken { token }), Direction::Forward)
            | (Ok(Own::DropEntryToken { token }), Direction::Backward) => (token, true),
            (Ok(Own::KeepEntryToken { token } | Own::DropEntryToken { token }), _) => {
                (token, false)
            }
            (Ok(Own::CopyEntries { paths }), _) => {
                let paths = count(paths.len(), "boot path");
                return format!(
                    "copy {paths} named {from} to the name {to}, kernels before entries"
                );
            }
            (Ok(Own::DropEntries { paths }), _) => {
                return format!("remove {} named {from}", count(paths.len(), "boot path"));
            }
            (Err(error), _) => return format!("{error:#}"),
        };
        if keeps {
            format!("write {token} into {TOKEN}, so that boot entries keep that name")
        } else {
            format!("remove {TOKEN}, which holds {token}")
        }
    }

    fn take(
        &self,
        act: &Act,
        root: &Root,
        direction: Direction,
        _told: &mut Told,
    ) -> Result<Option<String>> {
        let own: Own = act.read()?;
        let forward = direction == Direction::Forward;
        match &own {
            Own::CopyEntries { .. } => {
                twins::make(&self.twins(root, direction)?)?;
                Ok(None)
            }
            Own::DropEntries { .. } => {
                let twins = self.twins(root, direction)?;
                twins::remove(&twins)?;
                let (from, to) = self.way(direction);
                Ok(Some(format!(
                    "boot entries and what they name are called {to}, no longer {from}"
                )))
            }
            Own::KeepEntryToken { token } | Own::DropEntryToken { token } => {
                let text = format!("{token}\n");
                if matches!(own, Own::KeepEntryToken { .. }) == forward {
                    made::file(root, Path::new(TOKEN), text.as_bytes())?;
                    return Ok(Some(format!("boot entries keep the name {token}: {TOKEN}")));
                }
                made::take_away(root, Path::new(TOKEN), text.as_bytes())?;
                Ok(None)
            }
        }
    }

    fn state(&self, direction: Direction) -> String {
        let id = match direction {
            Direction::Forward => &self.kept.new,
            Direction::Backward => &self.kept.old,
        };
        format!("the machine ID is {id} from the next boot on")
    }

    fn thing(&self) -> &'static str {
        "the machine ID"
    }

    fn next(&self) -> Option<&'static str> {
        Some("The machine ID takes effect then.")
    }

    fn back(&self, root: &Root) -> Result<Box<dyn Change>> {
        let (old, new) = (self.kept.new.clone(), self.kept.old.clone());
        // If the file contains another text, somebody else has used it since.
        let still = |id: &str| super::entries::token(root).ok().flatten().as_deref() == Some(id);
        let token = match self.kept.token {
            Some(Token::Write) if still(&new) => Some(Token::Remove),
            Some(Token::Remove) => Some(Token::Write),
            _ => None,
        };
        let entries =
            if self.kept.entries.is_empty() { Vec::new() } else { entries::found(root, &old)? };
        let in_images = self.in_images || are_in_images(root, &old)?;
        Ok(Box::new(Self { kept: Kept { old, new, token, entries }, in_images }))
    }
}

/// Demands that no file system is mounted on the file. If one is, the file cannot be replaced, and the next boot
/// reads the file below it (systemd-machine-id-commit.service(8)).
fn is_no_mount(root: &Root) -> Result<()> {
    let file = root.outer(Path::new(FILE));
    if mounted().iter().any(|mount| mount.target == file) {
        bail!(
            "a file system is mounted on `{}` until the machine ID is written to the disk; run \
             `systemd-machine-id-setup --commit` first",
            file.display()
        );
    }
    Ok(())
}
