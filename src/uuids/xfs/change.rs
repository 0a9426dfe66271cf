//! New UUIDs of XFS file systems as a [`Change`] for the engine.

use std::path::Path;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BEGUN, FileSystem, KIND, PLAN, Renewal};
use crate::change::{Change, Job, Told};
use crate::checks::is_root;
use crate::guest::root::Root;
use crate::lvm::tags;
use crate::plan::{Act, Phase, Rewriter, Role, Subject};
use crate::printable::count;
use crate::run::Program;
use crate::transaction::made;
use crate::transaction::record::Direction;
use crate::uuids::references::{Reference, References, To};

/// An act of this kind of change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Own {
    /// Forward: nothing. Backward: remove the tags, before anything else, so that no boot changes a UUID.
    HoldXfsUuids { file_systems: usize },
    /// Write the plan for the next boot, and set the tags that allow it.
    PlanXfsUuids { file_systems: usize },
}

impl Change for Renewal {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn kept(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn subject(&self) -> Subject {
        Subject {
            what: if self.file_systems.len() == 1 { "UUID" } else { "set of UUIDs" },
            old: self.said(|one| &one.old),
            new: self.said(|one| &one.new),
            named_after: None,
            role: Role::Value,
        }
    }

    fn is_empty(&self) -> bool {
        self.stays
    }

    fn is_in_images(&self) -> bool {
        !self.stays
    }

    fn asked(&self) -> &'static str {
        "Change"
    }

    fn rewriter(&self, _direction: Direction) -> Option<Box<dyn Rewriter>> {
        if self.stays {
            return None;
        }
        let reference = |one: &FileSystem| Reference {
            from: one.old.clone(),
            to: To::Path(one.path().to_owned()),
        };
        Some(Box::new(References(self.file_systems.iter().map(reference).collect())))
    }

    fn remains(&self) -> Option<Box<dyn Rewriter>> {
        self.rewriter(Direction::Forward)
    }

    fn needs_root(&self) -> Option<&'static str> {
        Some("changing UUIDs")
    }

    fn checks(&self, _job: &Job) -> Vec<Result<()>> {
        let mut answers = vec![is_root("changing UUIDs")];
        if self.stays {
            return answers;
        }
        answers.extend([Program::XfsDb, Program::XfsRepair].map(|program| match program.find() {
            Some(_) => Ok(()),
            None => bail!(
                "`{}`, which changes the UUID of an XFS file system, is not installed: install xfsprogs, or leave \
                 out fs-uuids",
                program.name()
            ),
        }));
        answers.extend(self.file_systems.iter().map(|one| {
            let now = one.now()?;
            if now != one.old {
                bail!("{} has the UUID {now}, not {}: check with `blkid`", one.called, one.old);
            }
            if let Some(tag) = tags::of(&one.volume()?)?.iter().find(|tag| *tag == BEGUN) {
                bail!(
                    "a boot has begun to change the UUID of {}, as the tag {tag} of its volume says: reboot",
                    one.called
                );
            }
            Ok(())
        }));
        answers
    }

    fn warnings(&self, _job: &Job) -> Vec<String> {
        let called: Vec<&str> = self.file_systems.iter().map(|one| one.called.as_str()).collect();
        let called = called.join(", ");
        if self.stays {
            return vec![format!(
                "the UUID of {called} (XFS) stays, because only a boot can change it, and so do the paths that \
                 name it"
            )];
        }
        vec![format!(
            "the UUID of {called} (XFS) changes at the next boot, before / is mounted; it is named by path from now \
             on, and after that boot `postclone undo` keeps the new UUID and the paths"
        )]
    }

    fn acts(&self, _job: &Job) -> Vec<Act> {
        let file_systems = self.file_systems.len();
        let hold = Act::write(&Own::HoldXfsUuids { file_systems });
        if self.stays {
            return vec![hold];
        }
        vec![hold, Act::write(&Own::PlanXfsUuids { file_systems })]
    }

    fn phase(&self, act: &Act) -> Result<Phase> {
        let (file_systems, phase) = match act.read()? {
            Own::HoldXfsUuids { file_systems } => (file_systems, Phase::Keep),
            Own::PlanXfsUuids { file_systems } => (file_systems, Phase::Late),
        };
        if file_systems != self.file_systems.len() {
            bail!("it concerns different UUIDs than the plan");
        }
        Ok(phase)
    }

    fn words(&self, act: &Act, direction: Direction) -> String {
        let own = match act.read() {
            Ok(own) => own,
            Err(error) => return format!("{error:#}"),
        };
        let some = count(self.file_systems.len(), "XFS file system");
        match (own, direction) {
            (Own::HoldXfsUuids { .. }, Direction::Forward) if !self.stays => {
                format!("note the UUIDs of {some}")
            }
            (Own::PlanXfsUuids { .. }, Direction::Forward) => {
                format!("make the next boot change the UUIDs of {some}")
            }
            _ => format!("let no boot change the UUIDs of {some}"),
        }
    }

    fn take(
        &self,
        act: &Act,
        root: &Root,
        direction: Direction,
        _told: &mut Told,
    ) -> Result<Option<String>> {
        let plan = self.plan();
        match (act.read()?, direction) {
            (Own::HoldXfsUuids { .. }, Direction::Forward) if self.stays => {
                self.hold()?;
                made::take_away(root, Path::new(PLAN), plan.as_bytes())?;
                Ok(Some(format!("the UUIDs stay: {}", self.said(|one| &one.new))))
            }
            (Own::HoldXfsUuids { .. }, Direction::Backward) if self.stays => {
                self.allow(root).map(|()| None)
            }
            (Own::HoldXfsUuids { .. }, Direction::Forward) => Ok(None),
            (Own::HoldXfsUuids { .. }, Direction::Backward) => self.hold().map(|()| None),
            (Own::PlanXfsUuids { .. }, Direction::Forward) => {
                self.allow(root)?;
                Ok(Some(format!("the next boot changes UUIDs to {}", self.said(|one| &one.new))))
            }
            (Own::PlanXfsUuids { .. }, Direction::Backward) => {
                made::take_away(root, Path::new(PLAN), plan.as_bytes())?;
                Ok(None)
            }
        }
    }

    fn demand(&self, direction: Direction) -> Result<()> {
        if self.stays || direction == Direction::Forward {
            return Ok(());
        }
        match self.came()? {
            Some(came) => bail!("{came}"),
            None => Ok(()),
        }
    }

    fn came(&self) -> Result<Option<String>> {
        for one in &self.file_systems {
            if one.now()? == one.new {
                return Ok(Some(format!("the boot gave {} the UUID {}", one.called, one.new)));
            }
            if tags::of(&one.volume()?)?.iter().any(|tag| tag == BEGUN) {
                return Ok(Some(format!("a boot began to give {} another UUID", one.called)));
            }
        }
        Ok(None)
    }

    fn thing(&self) -> &'static str {
        "the plan for UUIDs of XFS"
    }

    fn next(&self) -> Option<&'static str> {
        Some("It changes the UUIDs of XFS file systems.")
    }

    fn back(&self, _root: &Root) -> Result<Box<dyn Change>> {
        Ok(Box::new(Self { stays: true, ..self.clone() }))
    }
}
