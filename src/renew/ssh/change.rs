//! The change to new SSH host keys, as the engine sees it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{KIND, Key, Keys, Renewal};
use crate::change::{Change, Job, Told};
use crate::guest::cloud_init::CloudInit;
use crate::guest::root::Root;
use crate::live::sshd;
use crate::plan::{Act, Phase, Rewriter, Role, Subject};
use crate::ssh_keygen;
use crate::transaction::record::Direction;

/// An act of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Own {
    /// Make the SSH server check its keys and read them.
    ReloadSshd,
}

impl Renewal {
    fn prints(&self, direction: Direction) -> String {
        let print = |key: &Key| match direction {
            Direction::Forward => key.new.clone(),
            Direction::Backward => key.old.clone(),
        };
        self.kept.keys.iter().map(print).collect::<Vec<_>>().join(", ")
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
        Subject {
            what: if self.kept.keys.len() == 1 { "SSH host key" } else { "set of SSH host keys" },
            old: self.prints(Direction::Backward),
            new: self.prints(Direction::Forward),
            named_after: None,
            role: Role::Value,
        }
    }

    fn is_empty(&self) -> bool {
        self.kept.keys.is_empty()
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
        let (mut patterns, mut rules) = (Vec::new(), Vec::new());
        for key in &self.kept.keys {
            for path in [&key.path, &ssh_keygen::public(&key.path)] {
                patterns.push(path.to_string_lossy().trim_start_matches('/').to_owned());
            }
            for ((before, after), is_private) in [(&key.private, true), (&key.public, false)] {
                let (from, to) = match direction {
                    Direction::Forward => (before, after),
                    Direction::Backward => (after, before),
                };
                rules.push((from.clone(), to.clone(), is_private));
            }
        }
        Some(Box::new(Keys { patterns, rules, texts: self.texts.clone() }))
    }

    fn checks(&self, job: &Job) -> Vec<Result<()>> {
        if !job.is_live() || !sshd::is_installed() || self.is_empty() {
            return Vec::new();
        }
        let why = "the SSH server does not start as it is, so new keys could not be checked: fix that first";
        vec![sshd::check().context(why)]
    }

    fn warnings(&self, job: &Job) -> Vec<String> {
        // cloud-init does this once for each instance (cloud-init cloudinit/config/cc_ssh.py).
        let by_cloud_init = CloudInit::of(&job.root)
            .filter(|settings| !settings.says("ssh_deletekeys", "false"))
            .map(|_| {
                "cloud-init makes new SSH host keys by itself once this machine has another instance ID \
                 (`ssh_deletekeys`): it then replaces these keys, and the fingerprints change once more"
                    .to_owned()
            });
        let clients = [
            "clients that know the old SSH host keys will warn: give them the new fingerprints, and remove the old \
             ones with `ssh-keygen -R HOST`"
                .to_owned(),
        ];
        clients.into_iter().chain(by_cloud_init).collect()
    }

    fn acts(&self, job: &Job) -> Vec<Act> {
        let due = job.is_live() && sshd::is_installed() && !self.is_empty();
        due.then(|| Act::write(&Own::ReloadSshd)).into_iter().collect()
    }

    fn phase(&self, act: &Act) -> Result<Phase> {
        let Own::ReloadSshd = act.read()?;
        Ok(Phase::Live)
    }

    fn words(&self, act: &Act, _direction: Direction) -> String {
        match act.read() {
            Ok(Own::ReloadSshd) => {
                "make the SSH server check its keys and read them; sessions stay open".to_owned()
            }
            Err(error) => format!("{error:#}"),
        }
    }

    fn take(
        &self,
        act: &Act,
        root: &Root,
        _direction: Direction,
        _told: &mut Told,
    ) -> Result<Option<String>> {
        let Own::ReloadSshd = act.read()?;
        sshd::check()?;
        let reads = sshd::reload()?;
        let prints = self.kept.keys.iter().filter_map(|key| {
            let public = root.resolve(&ssh_keygen::public(&key.path)).transpose()?;
            let print = |path: PathBuf| ssh_keygen::print(&root.outer(&path));
            Some(public.and_then(print).map(|print| print.to_string()))
        });
        let prints = prints.collect::<Result<Vec<_>>>()?.join(", ");
        Ok(Some(if reads {
            format!("the SSH server accepted its keys and has read them: {prints}")
        } else {
            format!("the SSH server accepts its keys, but is not running: {prints}")
        }))
    }

    // There is no `state`: the keys are seen when the server reads them. Once the old keys were dropped, they are
    // neither.

    fn thing(&self) -> &'static str {
        "the SSH host keys"
    }

    fn back(&self, root: &Root) -> Result<Box<dyn Change>> {
        Ok(Box::new(self.turned(root)?))
    }
}
