//! New UUIDs as a [`Change`] for the engine.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::device::Place;
use super::references::{Reference, References, To};
use super::{Content, KIND, Renewal, Renewed, set};
use crate::change::{Change, Job, Told};
use crate::checks::is_root;
use crate::guest::root::Root;
use crate::plan::{Act, Phase, Rewriter, Role, Subject};
use crate::printable::count;
use crate::rewrite::uuid_bridge::{StandIn, StandIns};
use crate::transaction::record::Direction;

/// An act of this kind of change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Own {
    /// Forward: note the UUIDs of the volumes. Backward: restore them, before anything else.
    #[serde(rename = "keep-volume-uuids")]
    KeepVolumes { volumes: usize },
    /// Change the UUIDs on partitions, while the boot files are on the bridge.
    #[serde(rename = "set-partition-uuids")]
    SetPartitions { partitions: usize },
    /// Change the UUIDs on volumes. No file names these volumes by UUID any more.
    #[serde(rename = "set-volume-uuids")]
    SetVolumes { volumes: usize },
}

impl Renewal {
    fn volumes(&self) -> impl Iterator<Item = &Renewed> {
        self.renewed.iter().filter(|one| matches!(one.device, Place::Mapped { .. }))
    }

    fn partitions(&self) -> impl Iterator<Item = &Renewed> {
        self.renewed.iter().filter(|one| matches!(one.device, Place::Partition(_)))
    }

    fn said(&self, direction: Direction) -> String {
        let said = |one: &Renewed| format!("{} ({})", one.uuid(direction), one.called);
        self.renewed.iter().map(said).collect::<Vec<_>>().join(", ")
    }

    /// Changes the UUIDs of the given file systems and swap areas, and reads each one back.
    fn set<'a>(
        &'a self,
        some: impl Iterator<Item = &'a Renewed>,
        root: &Root,
        direction: Direction,
    ) -> Result<Option<String>> {
        let pairs: Vec<(&str, &str)> =
            self.renewed.iter().map(|one| (one.old.as_str(), one.new.as_str())).collect();
        let some: Vec<&Renewed> = some.collect();
        some.iter().try_for_each(|one| set::uuid(one, &pairs, root, direction))?;
        let said: Vec<String> = some
            .iter()
            .map(|one| format!("{} has the UUID {}", one.called, one.uuid(direction)))
            .collect();
        Ok((!said.is_empty()).then(|| said.join(", ")))
    }
}

impl Renewed {
    /// What names it by UUID, and what replaces that in a run in that direction.
    fn reference(&self, direction: Direction) -> Reference {
        let (from, to) = match direction {
            Direction::Forward => (&self.old, &self.new),
            Direction::Backward => (&self.new, &self.old),
        };
        // A path holds under either UUID, and stays on the way back.
        let to = match &self.device {
            Place::Mapped { path, .. } => To::Path(path.clone()),
            Place::Partition(_) => To::Uuid(to.clone()),
        };
        Reference { from: from.clone(), to }
    }

    /// The UUID after a run in that direction.
    pub(super) fn uuid(&self, direction: Direction) -> &str {
        match direction {
            Direction::Forward => &self.new,
            Direction::Backward => &self.old,
        }
    }
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
            what: if self.renewed.len() == 1 { "UUID" } else { "set of UUIDs" },
            old: self.said(Direction::Backward),
            new: self.said(Direction::Forward),
            named_after: None,
            role: Role::Value,
        }
    }

    fn is_empty(&self) -> bool {
        self.renewed.is_empty()
    }

    fn asked(&self) -> &'static str {
        "Change"
    }

    fn rewriter(&self, direction: Direction) -> Option<Box<dyn Rewriter>> {
        let references = self.renewed.iter().map(|one| one.reference(direction));
        Some(Box::new(References(references.collect())))
    }

    fn remains(&self) -> Option<Box<dyn Rewriter>> {
        let references = self.volumes().map(|one| one.reference(Direction::Forward));
        Some(Box::new(References(references.collect())))
    }

    fn stand_ins(&self) -> StandIns {
        let stand_in = |one: &Renewed| match &one.device {
            Place::Partition(partition) => {
                let stand_in = StandIn { partition: partition.clone(), new: one.new.clone() };
                Some((one.old.clone(), stand_in))
            }
            Place::Mapped { .. } => None,
        };
        self.renewed.iter().filter_map(stand_in).collect()
    }

    fn pivots(&self) -> bool {
        self.partitions().next().is_some()
    }

    fn needs_root(&self) -> Option<&'static str> {
        Some("changing UUIDs")
    }

    fn checks(&self, _job: &Job) -> Vec<Result<()>> {
        let mut answers = vec![is_root("changing UUIDs")];
        answers.extend(self.renewed.iter().map(set::can_be));
        answers
    }

    fn warnings(&self, _job: &Job) -> Vec<String> {
        let mut told = Vec::new();
        if self.volumes().next().is_some() {
            told.push(
                "volumes that were named by UUID are named by their paths from now on, which do not depend on UUIDs"
                    .to_owned(),
            );
        }
        for one in self.renewed.iter().filter(|one| one.content == Content::Fat) {
            told.push(format!(
                "{} is unmounted for a moment, so that its UUID can change",
                one.called
            ));
        }
        let seeds: Vec<&str> =
            self.renewed.iter().filter(|one| one.seed).map(|one| one.called.as_str()).collect();
        if !seeds.is_empty() {
            told.push(format!(
                "{} gets the feature metadata_csum_seed, because the UUID of a mounted ext4 file system cannot \
                 change without it: kernels before 4.4 and GRUB before 2.12 cannot read the file system then",
                seeds.join(", ")
            ));
        }
        told
    }

    fn acts(&self, _job: &Job) -> Vec<Act> {
        let (volumes, partitions) = (self.volumes().count(), self.partitions().count());
        let mut acts = Vec::new();
        if volumes > 0 {
            acts.push(Own::KeepVolumes { volumes });
        }
        if partitions > 0 {
            acts.push(Own::SetPartitions { partitions });
        }
        if volumes > 0 {
            acts.push(Own::SetVolumes { volumes });
        }
        acts.iter().map(Act::write).collect()
    }

    fn phase(&self, act: &Act) -> Result<Phase> {
        let (volumes, partitions) = (self.volumes().count(), self.partitions().count());
        let (is_all, phase) = match act.read()? {
            Own::KeepVolumes { volumes: some } => (some == volumes, Phase::Keep),
            Own::SetPartitions { partitions: some } => (some == partitions, Phase::Pivot),
            Own::SetVolumes { volumes: some } => (some == volumes, Phase::Late),
        };
        if !is_all {
            bail!("it concerns different UUIDs than the plan");
        }
        Ok(phase)
    }

    fn words(&self, act: &Act, direction: Direction) -> String {
        match (act.read(), direction) {
            (Err(error), _) => format!("{error:#}"),
            (Ok(Own::KeepVolumes { volumes }), Direction::Forward) => {
                format!("note the UUIDs on {}", count(volumes, "volume"))
            }
            (Ok(Own::SetPartitions { partitions }), Direction::Forward) => {
                format!("change the UUIDs on {}", count(partitions, "partition"))
            }
            (Ok(Own::SetVolumes { volumes }), Direction::Forward) => {
                format!("change the UUIDs on {}", count(volumes, "volume"))
            }
            (Ok(Own::SetPartitions { partitions }), Direction::Backward) => {
                format!("put the old UUIDs back on {}", count(partitions, "partition"))
            }
            (
                Ok(Own::KeepVolumes { volumes } | Own::SetVolumes { volumes }),
                Direction::Backward,
            ) => format!("put the old UUIDs back on {}", count(volumes, "volume")),
        }
    }

    fn take(
        &self,
        act: &Act,
        root: &Root,
        direction: Direction,
        _told: &mut Told,
    ) -> Result<Option<String>> {
        match (act.read()?, direction) {
            // On the way back that is done before all else.
            (Own::KeepVolumes { .. }, Direction::Forward)
            | (Own::SetVolumes { .. }, Direction::Backward) => Ok(None),
            (Own::SetPartitions { .. }, _) => self.set(self.partitions(), root, direction),
            (Own::KeepVolumes { .. } | Own::SetVolumes { .. }, _) => {
                self.set(self.volumes(), root, direction)
            }
        }
    }

    fn unmounts(&self, act: &Act) -> Vec<PathBuf> {
        let fat = self.partitions().filter(|one| one.content == Content::Fat);
        match act.read() {
            Ok(Own::SetPartitions { .. }) => fat.map(|one| PathBuf::from(&one.called)).collect(),
            _ => Vec::new(),
        }
    }

    fn is_made(&self) -> Option<bool> {
        let mut partitions = self.partitions();
        let all = partitions.try_fold(true, |all, one| {
            let now = set::now(one).ok()?;
            Some(all && now == one.new)
        });
        all.filter(|_| self.pivots())
    }

    fn demand(&self, direction: Direction) -> Result<()> {
        self.renewed.iter().try_for_each(|one| {
            let (now, wanted) = (set::now(one)?, one.uuid(direction));
            if now != wanted {
                bail!("{} has the UUID {now}, not {wanted}: check with `blkid`", one.called);
            }
            Ok(())
        })
    }

    fn can_go_back(&self) -> Result<()> {
        self.renewed.iter().try_for_each(set::can_be_restored)
    }

    fn thing(&self) -> &'static str {
        "the UUIDs"
    }

    fn back(&self, _root: &Root) -> Result<Box<dyn Change>> {
        let back = |one: &Renewed| Renewed {
            old: one.new.clone(),
            new: one.old.clone(),
            // The feature stays: without a journal of its own nobody can say that nothing needs it.
            seed: false,
            ..one.clone()
        };
        Ok(Box::new(Self { renewed: self.renewed.iter().map(back).collect() }))
    }
}
