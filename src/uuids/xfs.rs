//! UUIDs of XFS file systems on logical volumes, which can change only while nothing has them mounted
//! (xfs_admin(8)): by a script of the initramfs at the next boot, before `/` is mounted.
//!
//! Whatever named such a file system by UUID names it by the volume's path from then on, which holds under either
//! UUID. The script changes the UUID only while the volume has a tag in LVM's metadata. The run sets the tag when
//! all files are in place, and takes it away before it puts the first of them back: no boot changes a UUID that a
//! file still names. After a boot has changed it, the UUID stays, and so do the paths.

pub mod find;

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::device::Place;
use super::references::{Reference, References, To};
use crate::blkid;
use crate::change::{Change, Job, Told};
use crate::checks::is_root;
use crate::encoding::is_uuid;
use crate::guest::root::Root;
use crate::lvm::tags;
use crate::plan::{Act, Phase, Rewriter, Role, Subject};
use crate::printable::count;
use crate::run::Program;
use crate::transaction::made;
use crate::transaction::record::{Direction, SavedChange};

/// The word under which journals keep it.
pub const KIND: &str = "xfs-uuids";

/// The plan, which the package's hook copies into images.
pub const PLAN: &str = "/var/lib/postclone/at-boot-xfs";

/// The tag of a volume whose UUID the next boot may change.
const WANTED: &str = "postclone-uuid";
/// The tag of one whose UUID a boot has begun to change: its log was empty then.
const BEGUN: &str = "postclone-uuid-begun";

/// One file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSystem {
    /// The volume that holds it.
    device: Place,
    /// Its mount point.
    called: String,
    /// Its UUID now.
    old: String,
    /// Its UUID after the next boot.
    new: String,
}

/// New UUIDs of XFS file systems.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    file_systems: Vec<FileSystem>,
    /// Whether the run only makes sure that no later boot changes any: it takes a run back that had its boot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stays: bool,
}

/// An act of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Own {
    /// Nothing on the way forward; on the way back, before all else, let no boot change a UUID any more.
    HoldXfsUuids { file_systems: usize },
    /// Write what the next boot does, and let it.
    PlanXfsUuids { file_systems: usize },
}

/// What a journal keeps of it, read again.
///
/// # Errors
/// What no postclone has written.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Renewal = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading new UUIDs of XFS file systems")?;
    for one in &kept.file_systems {
        if let Some(other) = [&one.old, &one.new].into_iter().find(|uuid| !is_uuid(uuid)) {
            bail!("`{}` is not a UUID", other.escape_debug());
        }
        one.device.check()?;
        one.volume()?;
    }
    Ok(Box::new(kept))
}

impl FileSystem {
    /// The path of its volume when the run is done.
    fn path(&self) -> &str {
        match &self.device {
            Place::Mapped { path, .. } => path,
            Place::Partition(uuid) => uuid,
        }
    }

    /// The UUID of its volume.
    fn volume(&self) -> Result<String> {
        let uuid = match &self.device {
            Place::Mapped { dm_uuid, .. } => tags::volume_uuid(dm_uuid),
            Place::Partition(_) => None,
        };
        uuid.with_context(|| format!("{} is not on a logical volume", self.called))
    }

    /// Its UUID now.
    fn now(&self) -> Result<String> {
        let device = self.device.find().with_context(|| format!("looking for {}", self.called))?;
        blkid::read(&device)
    }
}

impl Renewal {
    /// The plan's bytes, a line for each: `xfs DEVICE OLD NEW`.
    fn plan(&self) -> String {
        let line = |one: &FileSystem| format!("xfs {} {} {}\n", one.path(), one.old, one.new);
        self.file_systems.iter().map(line).collect()
    }

    fn said(&self, uuid: impl Fn(&FileSystem) -> &str) -> String {
        let said = |one: &FileSystem| format!("{} ({})", uuid(one), one.called);
        self.file_systems.iter().map(said).collect::<Vec<_>>().join(", ")
    }

    /// Writes the plan and sets the tags, but for what has its new UUID already.
    fn allow(&self, root: &Root) -> Result<()> {
        made::file(root, Path::new(PLAN), self.plan().as_bytes())?;
        for one in &self.file_systems {
            if one.now()? == one.old {
                tags::set(&one.volume()?, WANTED, true)?;
            }
        }
        Ok(())
    }

    /// Takes the tags away.
    fn hold(&self) -> Result<()> {
        self.file_systems.iter().try_for_each(|one| {
            let volume = one.volume()?;
            [WANTED, BEGUN].iter().try_for_each(|tag| tags::set(&volume, tag, false))
        })
    }
}

/// Removes the plan of a root where boots have done all that it says. Gives whether it did.
///
/// # Errors
/// blkid's, or a file that cannot be removed.
pub(crate) fn forget(root: &Root) -> Result<bool> {
    let Some(text) = root.read_text(PLAN) else { return Ok(false) };
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, device, _, new] = words[..] else { continue };
        if blkid::read(device)? != new {
            return Ok(false);
        }
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
