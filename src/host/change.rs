//! The rename of a host, as the engine sees it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rewriter::InPlaces;
use super::{HostNames, KIND, Spelling, checks, md, services};
use crate::change::{Change, Holder, Job, Told};
use crate::guest::host;
use crate::guest::root::Root;
use crate::live::host_name;
use crate::plan::{Act, Phase, Rewriter, Role, Subject};
use crate::transaction::record::{Direction, SavedChange};

/// The rename of a host.
#[derive(Debug, Clone)]
pub(crate) struct Rename {
    names: HostNames,
    /// Files that had a name before a run gave it to the other files. When that name is replaced again, they keep it.
    had_old: Vec<PathBuf>,
    had_new: Vec<PathBuf>,
}

/// What a journal keeps of the change.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    old: String,
    new: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    had_old: Vec<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    had_new: Vec<PathBuf>,
}

/// An act of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Own {
    /// Give the running system its new name.
    SetHostName { old: String, new: String },
}

/// Reads what a journal keeps of a host's rename.
///
/// # Errors
/// Something that no postclone has written.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Kept = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading the rename of a host")?;
    let names = HostNames::exact(Spelling::new(&kept.old)?, Spelling::new(&kept.new)?);
    Ok(Box::new(Rename { names, had_old: kept.had_old, had_new: kept.had_new }))
}

/// The name that a run gave to the host, if the rename is among its changes.
pub(crate) fn given(changes: &[SavedChange]) -> Option<String> {
    let change = changes.iter().find(|change| change.kind == KIND)?;
    let kept = serde_json::from_value::<Kept>(Value::Object(change.of.clone())).ok()?;
    Some(kept.new)
}

impl Rename {
    /// For a run that replaces the old name. `had_new` are the files that have the new name already, and not the old
    /// one. An undo leaves them as they are.
    pub(super) fn new(names: HostNames, had_new: Vec<PathBuf>) -> Self {
        Self { names, had_old: Vec::new(), had_new }
    }

    pub(super) fn names(&self) -> &HostNames {
        &self.names
    }

    /// The kernel's name for the host when a run has gone in this direction, as it is shown: without the domain if
    /// the domain stays.
    fn said(&self, direction: Direction) -> String {
        let name = match direction {
            Direction::Forward => self.names.new_name(),
            Direction::Backward => self.names.old_name(),
        };
        match name.full() {
            Some(full) if !self.names.keeps_domain() => full,
            _ => name.short().to_owned(),
        }
    }

    /// The running system's present name and its new name. `None` if it has the new name already, or a third one.
    pub(super) fn live(&self, job: &Job) -> Option<(String, String)> {
        let now = host_name::now().ok().filter(|_| job.is_live())?;
        let is_old = self.names.is_short(host::short(&now)?.as_bytes());
        let new = self.written(job).unwrap_or_else(|| {
            let full = self.names.new_name().full().filter(|_| now.contains('.'));
            full.unwrap_or_else(|| self.names.new_name().short().to_owned())
        });
        (is_old && now != new).then_some((now, new))
    }

    /// The name in hostname(5) after the run, if that is the new name.
    pub(super) fn written(&self, job: &Job) -> Option<String> {
        let path = Path::new("/etc/hostname");
        let planned = job.root.resolve(path).ok().flatten().and_then(|path| {
            let change = job.plan.files.iter().find(|change| change.path == path)?;
            Some(String::from_utf8_lossy(&change.after()).into_owned())
        });
        let text = planned.or_else(|| job.root.read_text(path))?;
        let mut lines = text.lines().map(str::trim);
        let line = lines.find(|line| !line.is_empty() && !line.starts_with('#'))?;
        (host::short(line)? == self.names.new_name().short()).then(|| line.to_owned())
    }
}

impl Change for Rename {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn kept(&self) -> Value {
        let whole = |name: &Spelling| name.full().unwrap_or_else(|| name.short().to_owned());
        let kept = Kept {
            old: whole(self.names.old_name()),
            new: whole(self.names.new_name()),
            had_old: self.had_old.clone(),
            had_new: self.had_new.clone(),
        };
        serde_json::to_value(kept).unwrap_or_default()
    }

    fn subject(&self) -> Subject {
        Subject {
            what: "host name",
            old: self.said(Direction::Backward),
            new: self.said(Direction::Forward),
            named_after: None,
            role: Role::Typed,
        }
    }

    fn is_empty(&self) -> bool {
        self.names.old_name() == self.names.new_name()
    }

    /// A host's name is found only in typed places.
    fn rewriter(&self, direction: Direction) -> Option<Box<dyn Rewriter>> {
        let (names, spared) = match direction {
            Direction::Forward => (self.names.clone(), &self.had_old),
            Direction::Backward => (self.names.reversed(), &self.had_new),
        };
        Some(Box::new(InPlaces { names, spared: spared.clone() }))
    }

    fn where_image_based(&self) -> Option<&'static str> {
        Some(super::WHERE_IMAGE_BASED)
    }

    /// A boot works under any host name, and takes it from the root.
    fn concerns_boot(&self) -> bool {
        false
    }

    fn checks(&self, job: &Job) -> Vec<Result<()>> {
        checks::ask(self, job)
    }

    fn warnings(&self, job: &Job) -> Vec<String> {
        let other = host_name::now().ok().filter(|now| {
            let is = |name: &Spelling| {
                host::short(now).is_some_and(|now| now.eq_ignore_ascii_case(name.short()))
            };
            job.is_live() && !is(self.names.old_name()) && !is(self.names.new_name())
        });
        other
            .map(|now| {
                format!("the running system is called {now}, and keeps that name until the reboot")
            })
            .into_iter()
            .chain(checks::named_by_the_kernel(&job.root, &self.names))
            .chain(checks::by_cloud_init(&job.root))
            .chain(md::keeps_the_name(&job.root, &self.names))
            .collect()
    }

    fn afterwards(&self, job: &Job) -> Option<&'static str> {
        let told = "Programs that were started before keep the old name until they are restarted.";
        job.is_live().then_some(told)
    }

    fn holders(&self, job: &Job) -> Vec<Holder> {
        services::holders(job)
    }

    fn acts(&self, job: &Job) -> Vec<Act> {
        let act = self.live(job).map(|(old, new)| Act::write(&Own::SetHostName { old, new }));
        act.into_iter().collect()
    }

    fn phase(&self, act: &Act) -> Result<Phase> {
        let Own::SetHostName { old, new } = act.read()?;
        for name in [&old, &new] {
            Spelling::new(name)?;
        }
        if !self.names.is_short(host::short(&old).unwrap_or_default().as_bytes()) {
            bail!("it renames `{old}`, but the host has another name");
        }
        Ok(Phase::Live)
    }

    fn words(&self, act: &Act, direction: Direction) -> String {
        match (act.read(), direction) {
            (Ok(Own::SetHostName { new, .. }), Direction::Forward) => {
                format!("call the running system {new}")
            }
            (Ok(Own::SetHostName { old, .. }), Direction::Backward) => {
                format!("call the running system {old} again")
            }
            (Err(error), _) => format!("{error:#}"),
        }
    }

    fn take(
        &self,
        act: &Act,
        _root: &Root,
        direction: Direction,
        _told: &mut Told,
    ) -> Result<Option<String>> {
        let Own::SetHostName { old, new } = act.read()?;
        let (from, to) = match direction {
            Direction::Forward => (old, new),
            Direction::Backward => (new, old),
        };
        let now = host_name::now()?;
        if now != from && now != to {
            return Ok(Some(format!(
                "the running system was called {now} meanwhile, and keeps that name until the reboot"
            )));
        }
        if now != to {
            host_name::set(&to)?;
        }
        Ok(Some(format!("the running system is called {to}")))
    }

    // There is no `demand`: the act itself reads the running system's name back, and another root does not run.

    fn state(&self, direction: Direction) -> String {
        format!("the host name is {}", self.said(direction))
    }

    fn thing(&self) -> &'static str {
        "the host's name"
    }

    fn back(&self, _root: &Root) -> Result<Box<dyn Change>> {
        Ok(Box::new(Self {
            names: self.names.reversed(),
            had_old: self.had_new.clone(),
            had_new: self.had_old.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kept: &str) -> Result<Box<dyn Change>> {
        of(&serde_json::from_str(kept).unwrap())
    }

    #[test]
    fn a_journal_brings_both_names_back_as_they_are() {
        let kept = r#"{"kind":"host","new":"tmpl","old":"web01.example.org"}"#;
        let change = read(kept).unwrap();
        assert_eq!(
            serde_json::to_string(&change.kept()).unwrap(),
            kept.replace(r#""kind":"host","#, "")
        );
        assert_eq!(change.subject().new, "tmpl");
    }

    #[test]
    fn what_no_postclone_has_written_is_refused() {
        assert!(read(r#"{"kind":"host","old":"a b","new":"c"}"#).is_err());
        assert!(read(r#"{"kind":"host","old":"a"}"#).is_err());
        let change = read(r#"{"kind":"host","old":"tmpl","new":"web01"}"#).unwrap();
        let phase = |act: &str| change.phase(&serde_json::from_str(act).unwrap());
        assert!(phase(r#"{"step":"set-host-name","old":"tmpl","new":"web01"}"#).is_ok());
        assert!(phase(r#"{"step":"set-host-name","old":"tmpl","new":"-x"}"#).is_err());
        assert!(phase(r#"{"step":"rename-group","old":"tmpl","new":"web01"}"#).is_err());
        let error = phase(r#"{"step":"set-host-name","old":"other","new":"web01"}"#).unwrap_err();
        let words = "it renames `other`, but the host has another name";
        assert_eq!(error.to_string(), words);
    }
}
