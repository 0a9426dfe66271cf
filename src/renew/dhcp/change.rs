//! The renewal of DHCP clients' files, as the engine sees it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::at_boot::AtBoot;
use super::{KIND, Kept, Renewal};
use crate::change::{Change, Job, Told};
use crate::guest::root::Root;
use crate::plan::{Act, Phase, Rewriter, Role, Subject};
use crate::printable::count;
use crate::renew::whole::{Replacing, turned};
use crate::rewrite::edit::Form;
use crate::transaction::record::Direction;

/// An act of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Own {
    /// Create the unit that empties the files at the next boot.
    EmptyAtBoot { files: Vec<PathBuf> },
    /// Remove it.
    LeaveAtBoot { files: Vec<PathBuf> },
}

impl Own {
    fn of(at_boot: &AtBoot) -> Self {
        match at_boot.clone() {
            AtBoot::Write(files) => Self::EmptyAtBoot { files },
            AtBoot::Remove(files) => Self::LeaveAtBoot { files },
        }
    }

    /// What the act does in this direction.
    fn does(self, direction: Direction) -> AtBoot {
        let forward = match self {
            Self::EmptyAtBoot { files } => AtBoot::Write(files),
            Self::LeaveAtBoot { files } => AtBoot::Remove(files),
        };
        if direction == Direction::Forward { forward } else { forward.turned() }
    }
}

impl Change for Renewal {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn kept(&self) -> Value {
        serde_json::to_value(&self.kept).unwrap_or_default()
    }

    fn subject(&self) -> Subject {
        let files: Vec<String> =
            self.kept.files.iter().map(|file| file.path.display().to_string()).collect();
        let kept = format!("that in {}", files.join(", "));
        let (old, new) = (kept, "a new one from the client".to_owned());
        let (old, new) = if self.gives_back { (new, old) } else { (old, new) };
        Subject { what: "DHCP identity", old, new, named_after: None, role: Role::Value }
    }

    fn is_empty(&self) -> bool {
        self.kept.files.is_empty() && self.kept.at_boot.is_none()
    }

    fn asked(&self) -> &'static str {
        "Change"
    }

    fn where_image_based(&self) -> Option<&'static str> {
        Some(crate::renew::WHERE_IMAGE_BASED)
    }

    fn needs_images(&self) -> bool {
        false
    }

    fn rewriter(&self, direction: Direction) -> Option<Box<dyn Rewriter>> {
        let of = ("dhcp-identity", Form::DhcpIdentity);
        let rules = Replacing::new(of, &self.kept.files, &self.texts, direction);
        Some(Box::new(if self.gives_back { rules.of_any_text() } else { rules }))
    }

    fn warnings(&self, _job: &Job) -> Vec<String> {
        if self.gives_back {
            return vec![
                "a running DHCP client keeps its present lease and identifier until the reboot, and may write \
                 them again"
                    .to_owned(),
            ];
        }
        let mut told = vec![
            "the address may change at the reboot: DHCP servers see another client, and a reservation for the \
             old identifier no longer applies"
                .to_owned(),
        ];
        if self.kept.files.iter().any(|file| file.secret) {
            let text = "stable IPv6 addresses, and everything else that was derived from the old secret, change \
                        at the reboot: NetworkManager and dhcpcd make a new secret";
            told.push(text.to_owned());
        }
        told
    }

    fn acts(&self, _job: &Job) -> Vec<Act> {
        self.kept.at_boot.iter().map(|at_boot| Act::write(&Own::of(at_boot))).collect()
    }

    fn phase(&self, act: &Act) -> Result<Phase> {
        let does = act.read::<Own>()?.does(Direction::Forward);
        if Some(&does) != self.kept.at_boot.as_ref() {
            bail!("it concerns a different unit than the plan");
        }
        Ok(Phase::Files)
    }

    fn words(&self, act: &Act, direction: Direction) -> String {
        match act.read::<Own>() {
            Ok(own) => own.does(direction).words(),
            Err(error) => format!("{error:#}"),
        }
    }

    fn take(
        &self,
        act: &Act,
        root: &Root,
        direction: Direction,
        _told: &mut Told,
    ) -> Result<Option<String>> {
        let does = act.read::<Own>()?.does(direction);
        does.settle(root)?;
        Ok(match does {
            AtBoot::Write(files) => Some(format!(
                "the next boot empties {} of DHCP clients once more, before the network starts",
                count(files.len(), "file")
            )),
            AtBoot::Remove(_) => None,
        })
    }

    // There is no `state`: the step that replaces the files reports them, and after a boot a client has written them
    // again.

    fn thing(&self) -> &'static str {
        "the DHCP identity"
    }

    fn back(&self, root: &Root) -> Result<Box<dyn Change>> {
        let (files, texts) = turned(&self.kept.files, root)?;
        let at_boot = self.kept.at_boot.as_ref().map(AtBoot::turned);
        Ok(Box::new(Self { kept: Kept { files, at_boot }, texts, gives_back: true }))
    }
}
