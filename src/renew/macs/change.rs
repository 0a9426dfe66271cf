//! The replacement of MAC addresses, as the engine sees it.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use serde_json::Value;

use super::{KIND, Kept, Pin, Pins, Renewal};
use crate::change::{Change, Job, Told};
use crate::guest::root::Root;
use crate::plan::{Act, Phase, Rewriter, Role, Subject};
use crate::transaction::record::Direction;

/// Endings of files that images have copies of, to name interfaces (udev hooks of initramfs-tools and dracut).
const IN_IMAGES: &[&str] = &["link", "rules"];

impl Renewal {
    /// The addresses of one side, each once and in one form.
    fn addresses(&self, of: impl Fn(&Pin) -> &str) -> String {
        let plain = |pin: &Pin| crate::identity::items::macs::mac(of(pin)).unwrap_or_default();
        let all: BTreeSet<String> = self.kept.pins.iter().map(plain).collect();
        all.into_iter().collect::<Vec<_>>().join(", ")
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
        let (old, new) = (self.addresses(|pin| &pin.old), self.addresses(|pin| &pin.new));
        Subject { what: "pinned MAC address", old, new, named_after: None, role: Role::Value }
    }

    fn asked(&self) -> &'static str {
        "Change"
    }

    fn where_image_based(&self) -> Option<&'static str> {
        Some(crate::renew::WHERE_IMAGE_BASED)
    }

    fn needs_images(&self) -> bool {
        let is_in = |pin: &Pin| {
            pin.path.extension().is_some_and(|suffix| IN_IMAGES.iter().any(|own| suffix == *own))
        };
        self.kept.pins.iter().any(is_in)
    }

    fn rewriter(&self, direction: Direction) -> Option<Box<dyn Rewriter>> {
        let pins = self.kept.pins.iter();
        Some(Box::new(Pins(match direction {
            Direction::Forward => pins.cloned().collect(),
            Direction::Backward => pins.map(Pin::turned).collect(),
        })))
    }

    fn warnings(&self, _job: &Job) -> Vec<String> {
        vec![
            "the network uses the new address from the next boot on; a static IP address of the template stays, \
             and only a person can choose another one"
                .to_owned(),
        ]
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
        let named = match direction {
            Direction::Forward => self.addresses(|pin| &pin.new),
            Direction::Backward => self.addresses(|pin| &pin.old),
        };
        format!("configurations name {named}")
    }

    fn thing(&self) -> &'static str {
        "the pinned MAC addresses"
    }

    fn back(&self, _root: &Root) -> Result<Box<dyn Change>> {
        let pins = self.kept.pins.iter().map(Pin::turned).collect();
        Ok(Box::new(Self { kept: Kept { pins } }))
    }
}
