//! The rename of a volume, as the engine sees it.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{KIND, Kept, Rename, checks, target};
use crate::audit::Wanted;
use crate::blkid::Devices;
use crate::change::{Change, Job, Told};
use crate::group::{self, KeptVolume};
use crate::guest::root::Root;
use crate::live::links;
use crate::live::until_reboot::UntilReboot;
use crate::lvm;
use crate::names::{LvName, dm};
use crate::plan::{Act, Phase, Role, Subject};
use crate::proof::{self, Known};
use crate::rewrite::bridge::Uuids;
use crate::rewrite::matcher::Matcher;
use crate::transaction::record::Direction;

/// An act of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Own {
    /// Rename the volume in LVM's metadata, and read the name back by the UUIDs.
    RenameVolume { group: String, group_uuid: String, uuid: String, old: String, new: String },
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
            what: "logical volume",
            old: self.said(&self.kept.old),
            new: self.said(&self.kept.new),
            named_after: None,
            role: Role::Searched,
        }
    }

    fn matcher(&self, direction: Direction, mappings: &BTreeSet<String>) -> Option<Matcher> {
        let (to, from) = self.kept.names(direction);
        let volumes = match direction {
            Direction::Forward => self.kept.volumes(),
            Direction::Backward => self.kept.volumes_after(Direction::Forward),
        };
        let renamed = (from.clone(), to.clone());
        Some(Matcher::of_volume(self.kept.group.clone(), renamed, volumes, mappings.clone()))
    }

    fn wanted(&self, mappings: &BTreeSet<String>) -> Option<Wanted> {
        let by_volume = self.kept.volumes.is_some();
        let matcher = self.matcher(Direction::Forward, mappings)?;
        Some(Wanted::new(self.kept.group.clone(), matcher, by_volume))
    }

    fn know(&self, known: &mut Known, direction: Direction) {
        let volumes = self.kept.volumes.iter().flatten();
        let group = proof::Group {
            now: self.kept.group.clone(),
            gone: None,
            volumes: self.kept.volumes(),
            dm_uuids: volumes.filter_map(|volume| volume.dm_uuid.clone()).collect(),
        };
        known.rename_volume(group, &self.kept.old, self.kept.names(direction).0);
    }

    fn stands(&self) -> Direction {
        let is_new = self.kept.uuid.is_none() && self.seen.is_some();
        if is_new { Direction::Forward } else { Direction::Backward }
    }

    fn dm_name(&self, dm_uuid: &str, name: &str) -> Option<String> {
        let group = self.kept.group_uuid.as_deref()?.replace('-', "");
        let is_ours = dm_uuid.strip_prefix("LVM-")?.starts_with(&group);
        let parts =
            dm::split(name).filter(|parts| is_ours && parts.vg == self.kept.group.as_str())?;
        let new = LvName::new(&parts.lv).ok()?.part_of(&self.kept.old, &self.kept.new)?;
        let layer = parts.layer.map(|layer| format!("-{layer}")).unwrap_or_default();
        Some(format!("{}{layer}", dm::dm_name(&self.kept.group, &new)))
    }

    fn uuids(&self, devices: &Devices) -> Uuids {
        self.seen.as_ref().map(|group| devices.uuids(group)).unwrap_or_default()
    }

    fn pivots(&self) -> bool {
        self.kept.uuid.is_some()
    }

    fn needs_root(&self) -> Option<&'static str> {
        self.pivots().then_some("renaming a logical volume")
    }

    fn checks(&self, job: &Job) -> Vec<Result<()>> {
        let Some(group) = self.seen.as_ref().filter(|_| self.pivots()) else { return Vec::new() };
        let mut answers = checks::ask(job, group, &self.kept);
        if job.root.is_live() {
            answers.push(links::bear_known_names(&self.linked(Direction::Forward)));
        }
        answers
    }

    fn warnings(&self, job: &Job) -> Vec<String> {
        match &self.seen {
            Some(group) if self.pivots() && job.root.is_live() => {
                let renamed = |name: &str| {
                    let name = LvName::new(name).ok()?;
                    let new = name.part_of(&self.kept.old, &self.kept.new)?;
                    Some((self.said(&name), self.said(&new)))
                };
                group::autoextend::warnings(group, &renamed)
            }
            _ => Vec::new(),
        }
    }

    fn is_of(&self, root: &Root) -> Result<()> {
        match &self.kept.group_uuid {
            Some(uuid) if !root.is_live() => group::group_is_of(root, uuid),
            _ => Ok(()),
        }
    }

    fn acts(&self, job: &Job) -> Vec<Act> {
        let Some((group_uuid, uuid)) = Self::uuids(self) else { return Vec::new() };
        let mut acts = vec![Own::RenameVolume {
            group: self.kept.group.to_string(),
            group_uuid: group_uuid.to_owned(),
            uuid: uuid.to_owned(),
            old: self.kept.old.to_string(),
            new: self.kept.new.to_string(),
        }];
        if job.is_live() {
            let linked = self.linked(Direction::Forward);
            let volumes = linked.iter().filter(|volume| volume.dm_uuid.is_some()).count();
            acts.extend(UntilReboot::all(volumes).into_iter().map(Own::Live));
        }
        acts.iter().map(Act::write).collect()
    }

    fn phase(&self, act: &Act) -> Result<Phase> {
        match act.read()? {
            Own::RenameVolume { group, group_uuid, uuid, old, new } => {
                let same = Self::uuids(self) == Some((&group_uuid, &uuid))
                    && group == self.kept.group.as_str()
                    && old == self.kept.old.as_str()
                    && new == self.kept.new.as_str();
                if !same {
                    bail!("it renames a different volume than the plan");
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
            (Own::RenameVolume { group, uuid, old, new, .. }, Direction::Forward) => {
                format!("rename logical volume {group}/{old} ({uuid}) to {new} in LVM's metadata")
            }
            (Own::RenameVolume { group, uuid, old, new, .. }, Direction::Backward) => {
                format!(
                    "rename logical volume {group}/{new} ({uuid}) back to {old} in LVM's metadata"
                )
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
        let (to, from) = self.kept.names(direction);
        let said = (self.said(from), self.said(to));
        match act.read()? {
            Own::RenameVolume { group_uuid, uuid, .. } => {
                rename(&group_uuid, &uuid, (from, to), direction, told)?;
                Ok(Some(format!("LVM calls the volume {uuid} {}", said.1)))
            }
            Own::Live(act) => act.take(&self.renamed(direction)),
        }
    }

    fn is_made(&self) -> Option<bool> {
        let (group, volume) = Self::uuids(self)?;
        lvm::volume_name(group, volume).ok().map(|(_, name)| name == self.kept.new)
    }

    fn demand(&self, direction: Direction) -> Result<()> {
        let (to, _) = self.kept.names(direction);
        let Some((group, volume)) = Self::uuids(self) else { return Ok(()) };
        let (_, name) = lvm::volume_name(group, volume)?;
        if name != *to {
            bail!(
                "LVM calls the volume {volume} `{name}`, not `{to}`: check with `lvs -o +lv_uuid`"
            );
        }
        Ok(())
    }

    fn state(&self, direction: Direction) -> String {
        format!("the volume is {}", self.said(self.kept.names(direction).0))
    }

    fn thing(&self) -> &'static str {
        "the volume's name"
    }

    fn next(&self) -> Option<&'static str> {
        self.pivots().then_some("Until then both names work.")
    }

    fn back(&self, _root: &Root) -> Result<Box<dyn Change>> {
        if let Some((group_uuid, _)) = Self::uuids(self) {
            let asked = target::Asked {
                group: self.kept.group.clone(),
                group_uuid: Some(group_uuid.to_owned()),
                old: self.kept.new.clone(),
                new: self.kept.old.clone(),
                lvm_report: None,
                files_only: false,
                dry_run: false,
            };
            return Ok(Box::new(target::find(&asked)?.rename));
        }
        // LVM was not asked then, either. The volumes are those that the run knew.
        let volumes = self.kept.volumes.as_ref().map(|volumes| {
            let named = |volume: &KeptVolume| {
                let new = volume.name.part_of(&self.kept.old, &self.kept.new);
                KeptVolume { name: new.unwrap_or_else(|| volume.name.clone()), ..volume.clone() }
            };
            volumes.iter().map(named).collect()
        });
        let kept = Kept {
            old: self.kept.new.clone(),
            new: self.kept.old.clone(),
            volumes,
            ..self.kept.clone()
        };
        Ok(Box::new(Self { kept, seen: None }))
    }
}

/// Does nothing if the volume has the name already, so that an interrupted run can be continued.
fn rename(
    group_uuid: &str,
    uuid: &str,
    (from, to): (&LvName, &LvName),
    direction: Direction,
    told: &mut Told,
) -> Result<()> {
    let (group, name) = lvm::volume_name(group_uuid, uuid)?;
    if name == *to {
        return Ok(());
    }
    if name != *from {
        bail!(
            "LVM calls the volume {uuid} `{name}`, neither `{from}` nor `{to}`: check with `lvs -o +lv_uuid`"
        );
    }
    told.0 = Some(Instant::now());
    let ids = (group_uuid, uuid);
    match lvm::rename_volume(ids, (&group, from, to), lvm::Archive::Kept) {
        // On a full disk, LVM cannot write its archive. Without the archive, lvrename does nothing.
        Err(_) if direction == Direction::Backward => {
            lvm::rename_volume(ids, (&group, from, to), lvm::Archive::LeftOut)
        }
        result => result,
    }
}
