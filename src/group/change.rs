//! The rename of a group, as the engine sees it.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ownership::group_is_of;
use super::target::{self, Asked};
use super::{KIND, Kept, Rename, autoextend, checks};
use crate::audit::{self, Wanted};
use crate::blkid::Devices;
use crate::change::{Change, Job, Told};
use crate::guest::root::Root;
use crate::live::{self, links, until_reboot::UntilReboot};
use crate::lvm;
use crate::names::VgName;
use crate::plan::{Act, Phase, Role, Subject};
use crate::proof::{self, Known};
use crate::rewrite::bridge::Uuids;
use crate::rewrite::matcher::Matcher;
use crate::transaction::record::Direction;

/// An act of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Own {
    /// Rename the group in LVM's metadata, by its UUID, and read it back.
    RenameGroup { uuid: String, old: String, new: String },
    /// What the running system needs until the next boot.
    #[serde(untagged)]
    Live(UntilReboot),
}

impl Change for Rename {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn kept(&self) -> Value {
        serde_json::to_value(&self.kept).unwrap_or_default()
    }

    fn subject(&self) -> Subject {
        Subject {
            what: "volume group",
            old: self.kept.old.to_string(),
            new: self.kept.new.to_string(),
            named_after: self.named_after.clone(),
            role: Role::Searched,
        }
    }

    /// True if no NEW was given, and OLD matches the host already.
    fn is_empty(&self) -> bool {
        self.kept.old == self.kept.new
    }

    fn matcher(&self, direction: Direction, mappings: &BTreeSet<String>) -> Option<Matcher> {
        let (to, from) = self.kept.names(direction);
        let volumes = self.kept.volumes();
        (from != to).then(|| Matcher::new(from.clone(), to.clone(), volumes, mappings.clone()))
    }

    fn wanted(&self, mappings: &BTreeSet<String>) -> Option<Wanted> {
        let (old, volumes) = (self.kept.old.clone(), self.kept.volumes());
        Some(audit::wanted_beside(old, volumes, mappings.clone()))
    }

    fn know(&self, known: &mut Known, direction: Direction) {
        let (now, gone) = self.kept.names(direction);
        known.add(proof::Group {
            now: now.clone(),
            gone: Some(gone.clone()),
            volumes: self.kept.volumes(),
            dm_uuids: self.kept.dm_uuids(),
        });
    }

    fn stands(&self) -> Direction {
        match &self.group {
            Some(group) if group.name == self.kept.new => Direction::Forward,
            _ => Direction::Backward,
        }
    }

    fn dm_name(&self, dm_uuid: &str, name: &str) -> Option<String> {
        // lvm2 lib/misc/lvm-string.c: `LVM-`, the group's UUID, the volume's, and a layer.
        let is_ours = dm_uuid.strip_prefix("LVM-")?.starts_with(&self.uuid()?);
        let rest = name.strip_prefix(&self.kept.old.doubled()).filter(|_| is_ours)?;
        let rest = rest.strip_prefix('-').filter(|rest| !rest.starts_with('-'))?;
        Some(format!("{}-{rest}", self.kept.new.doubled()))
    }

    fn uuids(&self, devices: &Devices) -> Uuids {
        self.group.as_ref().map(|group| devices.uuids(group)).unwrap_or_default()
    }

    fn pivots(&self) -> bool {
        self.kept.uuid.is_some()
    }

    fn needs_root(&self) -> Option<&'static str> {
        self.pivots().then_some("renaming a volume group")
    }

    fn checks(&self, job: &Job) -> Vec<Result<()>> {
        let Some(group) = self.group.as_ref().filter(|_| self.pivots()) else { return Vec::new() };
        let mut answers = checks::ask(job, group, &self.kept);
        if job.root.is_live() {
            answers.push(links::bear_known_names(&self.linked(Direction::Forward)));
        }
        answers
    }

    fn warnings(&self, job: &Job) -> Vec<String> {
        match &self.group {
            Some(group) if self.pivots() && job.root.is_live() => {
                let renamed = |name: &str| {
                    Some((format!("{}/{name}", self.kept.old), format!("{}/{name}", self.kept.new)))
                };
                autoextend::warnings(group, &renamed)
            }
            _ => Vec::new(),
        }
    }

    fn is_of(&self, root: &Root) -> Result<()> {
        match &self.kept.uuid {
            Some(uuid) if !root.is_live() => group_is_of(root, uuid),
            _ => Ok(()),
        }
    }

    fn acts(&self, job: &Job) -> Vec<Act> {
        let Some(group) = self.group.as_ref().filter(|_| self.pivots()) else { return Vec::new() };
        let mut acts = vec![Own::RenameGroup {
            uuid: group.uuid.clone(),
            old: self.kept.old.to_string(),
            new: self.kept.new.to_string(),
        }];
        if job.is_live() {
            let volumes = group.volumes.iter().filter(|volume| !volume.hidden).count();
            acts.extend(UntilReboot::all(volumes).into_iter().map(Own::Live));
        }
        acts.iter().map(Act::write).collect()
    }

    fn phase(&self, act: &Act) -> Result<Phase> {
        match act.read()? {
            Own::RenameGroup { uuid, old, new } => {
                let known = self.journaled.as_ref().or(self.kept.uuid.as_ref());
                let same = known == Some(&uuid)
                    && old == self.kept.old.as_str()
                    && new == self.kept.new.as_str();
                if !same {
                    bail!("it renames a different group than the plan");
                }
                Ok(Phase::Pivot)
            }
            Own::Live(act) => Ok(act.phase()),
        }
    }

    fn words(&self, act: &Act, direction: Direction) -> String {
        let own = match act.read() {
            Ok(own) => own,
            Err(error) => return format!("{error:#}"),
        };
        match (own, direction) {
            (Own::RenameGroup { uuid, old, new }, Direction::Forward) => {
                format!("rename volume group {old} ({uuid}) to {new} in LVM's metadata")
            }
            (Own::RenameGroup { uuid, old, new }, Direction::Backward) => {
                format!("rename volume group {new} ({uuid}) back to {old} in LVM's metadata")
            }
            (Own::Live(act), direction) => act.words(direction),
        }
    }

    fn take(
        &self,
        act: &Act,
        _root: &Root,
        direction: Direction,
        told: &mut Told,
    ) -> Result<Option<String>> {
        let (to, _from) = self.kept.names(direction);
        match act.read()? {
            Own::RenameGroup { uuid, .. } => {
                let uuid = self.kept.uuid.as_ref().unwrap_or(&uuid);
                rename(uuid, to, direction, told)?;
                Ok(Some(format!("LVM calls the group {uuid} {to}")))
            }
            Own::Live(act) => act.take(&self.renamed(direction)),
        }
    }

    fn is_made(&self) -> Option<bool> {
        let uuid = self.kept.uuid.as_ref()?;
        lvm::name_of(uuid).ok().map(|name| name == self.kept.new)
    }

    fn demand(&self, direction: Direction) -> Result<()> {
        let (to, _) = self.kept.names(direction);
        let Some(uuid) = &self.kept.uuid else { return Ok(()) };
        let name = lvm::name_of(uuid)?;
        if name != *to {
            bail!("LVM calls the group {uuid} `{name}`, not `{to}`: check with `vgs -o +vg_uuid`");
        }
        Ok(())
    }

    fn state(&self, direction: Direction) -> String {
        format!("the group is {}", self.kept.names(direction).0)
    }

    fn thing(&self) -> &'static str {
        "the group's name"
    }

    fn next(&self) -> Option<&'static str> {
        self.pivots().then_some("Until then both names work.")
    }

    fn back(&self, root: &Root) -> Result<Box<dyn Change>> {
        if let Some(uuid) = &self.kept.uuid {
            let asked = Asked {
                old: Some(self.kept.new.clone()),
                new: Some(self.kept.old.clone()),
                vg_uuid: Some(uuid.clone()),
                ..Asked::default()
            };
            return Ok(Box::new(target::find(&asked, root)?.rename));
        }
        // LVM was not asked then, either. The volumes are those that the run knew.
        let kept =
            Kept { old: self.kept.new.clone(), new: self.kept.old.clone(), ..self.kept.clone() };
        Ok(Box::new(Self::from(kept)))
    }
}

/// Does nothing if the group has the name already, so that an interrupted run can be continued.
fn rename(uuid: &str, to: &VgName, direction: Direction, told: &mut Told) -> Result<()> {
    if lvm::name_of(uuid)? == *to {
        return Ok(());
    }
    told.0 = Some(Instant::now());
    live::with_name_free(to.as_str(), || match lvm::rename_group(uuid, to, lvm::Archive::Kept) {
        // On a full disk, LVM cannot write its archive. Without the archive, vgrename does nothing.
        Err(_) if direction == Direction::Backward => {
            lvm::rename_group(uuid, to, lvm::Archive::LeftOut)
        }
        result => result,
    })
}
