//! Random seeds are removed, because the system makes its own. They are never put back: two machines would then start
//! their random numbers in the same way again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::{Change, Job, Told};
use crate::exit::refuse;
use crate::guest::root::Root;
use crate::identity::items::seeds::SEEDS;
use crate::plan::{Act, Phase, Role, Subject};
use crate::transaction::made;
use crate::transaction::record::{Direction, SavedChange};

/// The word under which journals keep this kind.
pub const KIND: &str = "random-seeds";

/// Removes seeds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    seeds: Vec<PathBuf>,
}

/// An act of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum Own {
    /// Remove random seeds.
    DropSeeds { seeds: Vec<PathBuf> },
}

/// Reads what a journal keeps of the change.
///
/// # Errors
/// Something that no postclone has written.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Renewal = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading the removal of random seeds")?;
    let is_known = |path: &&PathBuf| SEEDS.iter().any(|seed| Path::new(seed) == path.as_path());
    if let Some(path) = kept.seeds.iter().find(|path| !is_known(path)) {
        bail!("`{}` is not a random seed", path.display());
    }
    Ok(Box::new(kept))
}

/// The seeds that exist. `None` if there are none.
///
/// # Errors
/// Something that cannot be examined.
pub fn find(root: &Root) -> Result<Option<Renewal>> {
    let (mut seeds, mut seen) = (Vec::new(), BTreeSet::new());
    for seed in SEEDS.iter().map(PathBuf::from) {
        let Some(file) = root.resolve(&seed).map_err(refuse)? else { continue };
        if seen.insert(file) {
            seeds.push(seed);
        }
    }
    Ok((!seeds.is_empty()).then_some(Renewal { seeds }))
}

impl Change for Renewal {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn kept(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn subject(&self) -> Subject {
        let seeds: Vec<String> = self.seeds.iter().map(|seed| seed.display().to_string()).collect();
        Subject {
            what: "random seed",
            old: seeds.join(", "),
            new: "a new one from the system".to_owned(),
            named_after: None,
            role: Role::Value,
        }
    }

    fn is_empty(&self) -> bool {
        self.seeds.is_empty()
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

    fn warnings(&self, _job: &Job) -> Vec<String> {
        if self.is_empty() {
            return Vec::new();
        }
        vec![
            "random seeds are removed for good, and `postclone undo` does not bring them back: with them, two \
             machines would start their random numbers in the same way"
                .to_owned(),
        ]
    }

    fn acts(&self, _job: &Job) -> Vec<Act> {
        let act = Own::DropSeeds { seeds: self.seeds.clone() };
        (!self.is_empty()).then(|| Act::write(&act)).into_iter().collect()
    }

    fn phase(&self, act: &Act) -> Result<Phase> {
        let Own::DropSeeds { seeds } = act.read()?;
        if seeds != self.seeds {
            bail!("it removes different random seeds than the plan");
        }
        Ok(Phase::Late)
    }

    fn words(&self, act: &Act, direction: Direction) -> String {
        match (act.read(), direction) {
            (Ok(Own::DropSeeds { .. }), Direction::Forward) => {
                format!("remove {}, which the system makes again", self.subject().old)
            }
            (Ok(Own::DropSeeds { .. }), Direction::Backward) => {
                "leave the random seeds to the system".to_owned()
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
        let Own::DropSeeds { seeds } = act.read()?;
        if direction == Direction::Backward {
            return Ok(Some(
                "the random seeds are not put back: the system makes its own".to_owned(),
            ));
        }
        seeds.iter().try_for_each(|seed| made::remove(root, seed))?;
        Ok(Some(format!("{} removed", self.subject().old)))
    }

    fn thing(&self) -> &'static str {
        "the random seeds"
    }

    fn back(&self, _root: &Root) -> Result<Box<dyn Change>> {
        Ok(Box::new(Self { seeds: Vec::new() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_postclone_wrote_is_refused() {
        let saved = |seed: &str| {
            let text = format!(r#"{{"kind":"random-seeds","seeds":["{seed}"]}}"#);
            of(&serde_json::from_str(&text).unwrap())
        };
        let said = format!("{:#}", saved("/etc/shadow").unwrap_err());
        assert!(said.contains("`/etc/shadow` is not a random seed"), "{said}");
        let change = saved("/var/lib/systemd/random-seed").unwrap();
        let act = r#"{"step":"drop-seeds","seeds":["/etc/shadow"]}"#;
        let said = change.phase(&serde_json::from_str(act).unwrap()).unwrap_err().to_string();
        assert!(said.contains("it removes different random seeds than the plan"), "{said}");
    }
}
