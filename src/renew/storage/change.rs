//! The change of these names, as the engine sees it.

use anyhow::{Result, bail};
use serde_json::Value;

use super::{HOST_ID, ISCSI, Kept, Name, Names, Renewal};
use crate::change::{Change, Job, Told};
use crate::guest::root::Root;
use crate::plan::{Act, Phase, Rewriter, Role, Subject};
use crate::transaction::record::Direction;

impl Renewal {
    fn is_iscsi(&self) -> bool {
        self.kind == ISCSI
    }

    fn names(&self, of: impl Fn(&Name) -> &str) -> String {
        self.kept.names.iter().map(of).collect::<Vec<_>>().join(", ")
    }

    fn what(&self) -> &'static str {
        match self.kept.names.as_slice() {
            _ if self.is_iscsi() => "iSCSI initiator's name",
            [id] if id.path == std::path::Path::new(HOST_ID) => "NVMe host's ID",
            _ => "NVMe host's name",
        }
    }
}

impl Change for Renewal {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn kept(&self) -> Value {
        serde_json::to_value(&self.kept).unwrap_or_default()
    }

    fn subject(&self) -> Subject {
        let (old, new) = (self.names(|name| &name.old), self.names(|name| &name.new));
        Subject { what: self.what(), old, new, named_after: None, role: Role::Value }
    }

    fn asked(&self) -> &'static str {
        "Change"
    }

    fn where_image_based(&self) -> Option<&'static str> {
        Some(crate::renew::WHERE_IMAGE_BASED)
    }

    // No image needs to be built: an image that contains the name refuses the run.
    fn needs_images(&self) -> bool {
        false
    }

    fn rewriter(&self, direction: Direction) -> Option<Box<dyn Rewriter>> {
        let names = self.kept.names.iter();
        let names = match direction {
            Direction::Forward => names.cloned().collect(),
            Direction::Backward => names.map(Name::turned).collect(),
        };
        Some(Box::new(Names { kind: self.kind, names }))
    }

    fn warnings(&self, _job: &Job) -> Vec<String> {
        let told = if self.is_iscsi() {
            "iSCSI targets know the old initiator: add the new name to their access lists, or they provide no \
             disk; iscsid uses the new name after `systemctl restart iscsid` or the reboot"
        } else {
            "NVMe targets know the old host: add the new name to their access lists, or they provide no namespace"
        };
        vec![told.to_owned()]
    }

    fn phase(&self, act: &Act) -> Result<Phase> {
        bail!("it has no step of the kind `{}`", act.step.escape_debug())
    }

    fn words(&self, act: &Act, _direction: Direction) -> String {
        act.step.escape_debug().to_string()
    }

    fn take(
        &self,
        act: &Act,
        _root: &Root,
        _direction: Direction,
        _told: &mut Told,
    ) -> Result<Option<String>> {
        self.phase(act).map(|_| None)
    }

    fn state(&self, direction: Direction) -> String {
        let name = match direction {
            Direction::Forward => self.names(|name| &name.new),
            Direction::Backward => self.names(|name| &name.old),
        };
        format!("the {} is {name}", self.what())
    }

    fn thing(&self) -> &'static str {
        if self.is_iscsi() { "the iSCSI initiator's name" } else { "the NVMe host's name" }
    }

    fn back(&self, _root: &Root) -> Result<Box<dyn Change>> {
        let names = self.kept.names.iter().map(Name::turned).collect();
        Ok(Box::new(Self { kind: self.kind, kept: Kept { names } }))
    }
}
