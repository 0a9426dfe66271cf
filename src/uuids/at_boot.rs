//! UUIDs of a volume group and its physical volumes, which can change only while nothing uses the group
//! (pvchange(8), vgchange(8)): by a script of the initramfs at the next boot, before `/` is mounted.
//!
//! The run writes a plan, and the images include it. The script carries out the plan if the group still has its
//! old UUID. LVM generates the new UUIDs. Nothing names the old ones. So they are not restored once they are gone,
//! because two machines would share them again.

pub mod find;

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::{Change, Job, Told};
use crate::checks::is_root;
use crate::guest::root::Root;
use crate::lvm;
use crate::names::VgName;
use crate::plan::{Act, Phase, Role, Subject};
use crate::transaction::made;
use crate::transaction::record::{Direction, SavedChange};

/// The word under which journals keep it.
pub const KIND: &str = "lvm-uuids";

/// The plan, which the package's hook copies into images.
pub const PLAN: &str = "/var/lib/postclone/at-boot";

/// Digits of LVM's UUIDs, without hyphens (lvm2 lib/uuid/uuid.h, `ID_LEN`).
const DIGITS: usize = 32;

/// New UUIDs for a group and its physical volumes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    /// The group's name when the run is done.
    group: VgName,
    /// Its UUID now, with hyphens.
    uuid: String,
    /// Its physical volumes' UUIDs now.
    disks: Vec<String>,
    /// Whether the UUIDs stay: the run undoes another run whose boot has already happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stays: bool,
}

/// An act of this kind of change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Own {
    /// Write what the next boot does.
    PlanLvmUuids { group: VgName, uuid: String },
}

/// Reads the change from what a journal keeps of it.
///
/// # Errors
/// Values that postclone never writes.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Renewal = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading new UUIDs of a volume group")?;
    for uuid in kept.disks.iter().chain([&kept.uuid]) {
        let digits = uuid.bytes().filter(|byte| *byte != b'-');
        let is_plain = uuid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_plain || digits.count() != DIGITS {
            bail!("`{}` is not a UUID of LVM", uuid.escape_debug());
        }
    }
    Ok(Box::new(kept))
}

impl Renewal {
    /// The plan's bytes.
    fn plan(&self) -> String {
        format!("group {} {}\n", self.group, self.uuid)
    }

    /// Whether the boot has done it.
    fn is_done(&self) -> Result<bool> {
        let inventory = lvm::inventory()?;
        Ok(inventory.by_uuid(&self.uuid).is_none())
    }
}

/// Removes the plan if the boot has carried it out. Returns whether it removed the plan.
///
/// # Errors
/// LVM fails, or the file cannot be removed.
pub(crate) fn forget(root: &Root) -> Result<bool> {
    let Some(text) = root.read_text(PLAN) else { return Ok(false) };
    let inventory = lvm::inventory()?;
    let mut uuids = text.lines().filter_map(|line| line.split(' ').nth(2));
    if uuids.any(|uuid| inventory.by_uuid(uuid).is_some()) {
        return Ok(false);
    }
    made::remove(root, Path::new(PLAN))?;
    Ok(true)
}

impl Change for Renewal {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn kept(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn subject(&self) -> Subject {
        let disks = self.disks.join(", ");
        Subject {
            what: "set of LVM UUIDs",
            old: format!("{} ({}), {disks}", self.uuid, self.group),
            new: "new ones, which LVM generates at the next boot,".to_owned(),
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

    fn needs_root(&self) -> Option<&'static str> {
        Some("changing UUIDs")
    }

    fn checks(&self, _job: &Job) -> Vec<Result<()>> {
        vec![is_root("changing UUIDs")]
    }

    fn warnings(&self, _job: &Job) -> Vec<String> {
        if self.stays {
            return vec![format!(
                "the UUIDs of {} and its disks stay: nothing names the old ones, which the template has",
                self.group
            )];
        }
        vec![
            "the UUIDs of the volume group and its disks change at the next boot, before / is mounted; after \
             that boot, `postclone undo` does not restore the old ones"
                .to_owned(),
        ]
    }

    fn acts(&self, _job: &Job) -> Vec<Act> {
        let act = Own::PlanLvmUuids { group: self.group.clone(), uuid: self.uuid.clone() };
        (!self.stays).then(|| Act::write(&act)).into_iter().collect()
    }

    fn phase(&self, act: &Act) -> Result<Phase> {
        let Own::PlanLvmUuids { group, uuid } = act.read()?;
        if group != self.group || uuid != self.uuid {
            bail!("it concerns a different group than the plan");
        }
        Ok(Phase::Late)
    }

    fn words(&self, act: &Act, direction: Direction) -> String {
        match (act.read(), direction) {
            (Ok(Own::PlanLvmUuids { group, .. }), Direction::Forward) => {
                format!("make the next boot give {group} and its disks new UUIDs")
            }
            (Ok(Own::PlanLvmUuids { group, .. }), Direction::Backward) => {
                format!("leave the UUIDs of {group} and its disks as they are")
            }
            (Err(error), _) => format!("{error:#}"),
        }
    }

    fn take(
        &self,
        act: &Act,
        root: &Root,
        direction: Direction,
        _told: &mut Told,
    ) -> Result<Option<String>> {
        let Own::PlanLvmUuids { group, .. } = act.read()?;
        if direction == Direction::Forward {
            made::file(root, Path::new(PLAN), self.plan().as_bytes())?;
            return Ok(Some(format!("the next boot gives {group} and its disks new UUIDs")));
        }
        made::take_away(root, Path::new(PLAN), self.plan().as_bytes())?;
        Ok(self
            .is_done()?
            .then(|| format!("the UUIDs of {group} and its disks stay as the boot has set them")))
    }

    fn thing(&self) -> &'static str {
        "the plan for LVM's UUIDs"
    }

    fn next(&self) -> Option<&'static str> {
        Some("It gives the volume group and its disks new UUIDs.")
    }

    fn back(&self, _root: &Root) -> Result<Box<dyn Change>> {
        Ok(Box::new(Self { stays: true, ..self.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_postclone_wrote_is_refused() {
        let uuid = "lOefVf-2Fd6-0Jj7-okLh-jiV4-2dcv-ugddyt";
        let saved = |uuid: &str| {
            let text =
                format!(r#"{{"kind":"lvm-uuids","group":"a-b","uuid":"{uuid}","disks":[]}}"#);
            of(&serde_json::from_str(&text).unwrap())
        };
        let said = format!("{:#}", saved("../x").unwrap_err());
        assert!(said.ends_with("`../x` is not a UUID of LVM"), "{said}");
        let change = saved(uuid).unwrap();
        let phase = |group: &str| {
            let text = format!(r#"{{"step":"plan-lvm-uuids","group":"{group}","uuid":"{uuid}"}}"#);
            change.phase(&serde_json::from_str(&text).unwrap())
        };
        assert!(phase("a-b").is_ok());
        let said = phase("c-d").unwrap_err().to_string();
        assert_eq!(said, "it concerns a different group than the plan");
    }
}
