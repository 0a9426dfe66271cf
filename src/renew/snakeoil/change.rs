//! The change to another snakeoil certificate, as the engine sees it.

use anyhow::{Result, bail};
use serde_json::Value;

use super::{KIND, Kept, Renewal};
use crate::change::{Change, Job, Told};
use crate::guest::root::Root;
use crate::plan::{Act, Phase, Rewriter, Role, Subject};
use crate::renew::whole::{Replacing, turned};
use crate::rewrite::edit::Form;
use crate::transaction::record::Direction;

impl Change for Renewal {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn kept(&self) -> Value {
        serde_json::to_value(&self.kept).unwrap_or_default()
    }

    fn subject(&self) -> Subject {
        let (old, new) = (self.kept.old.clone(), self.kept.new.clone());
        Subject { what: "snakeoil certificate", old, new, named_after: None, role: Role::Value }
    }

    fn is_empty(&self) -> bool {
        self.kept.files.is_empty()
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
        let of = ("snakeoil-certificate", Form::Certificate);
        Some(Box::new(Replacing::new(of, &self.kept.files, &self.texts, direction)))
    }

    fn warnings(&self, job: &Job) -> Vec<String> {
        let services = job.is_live().then(|| {
            "services that use the snakeoil certificate have the old one until they are restarted, or until the reboot"
                .to_owned()
        });
        services.into_iter().collect()
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

    // There is no `state`: once the old key was dropped, the certificate may be neither of the two.

    fn thing(&self) -> &'static str {
        "the snakeoil certificate"
    }

    fn back(&self, root: &Root) -> Result<Box<dyn Change>> {
        let (files, texts) = turned(&self.kept.files, root)?;
        let (old, new) = (self.kept.new.clone(), self.kept.old.clone());
        Ok(Box::new(Self { kept: Kept { files, old, new }, texts }))
    }
}
