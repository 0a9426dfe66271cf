//! The names by which targets of iSCSI and NVMe over Fabrics know this machine. They are renewed only on request: a
//! target's access list has the old names, and only a person can change it.

mod change;
mod in_use;
mod names;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Change;
use crate::exit::refuse;
use crate::guest::root::Root;
use crate::plan::{Rewriter, Rewritten, Warning};
use crate::rewrite::edit::{Edit, Form};
use crate::transaction::record::SavedChange;
pub use names::Drawn;
pub use names::{host_id, host_name, initiator};

/// The words under which journals keep these kinds.
pub const ISCSI: &str = "iscsi-initiator";
/// See [`ISCSI`].
pub const NVME: &str = "nvme-host";

/// open-iscsi's file, and nvme-cli's.
const INITIATOR: &str = "/etc/iscsi/initiatorname.iscsi";
const HOST_NQN: &str = "/etc/nvme/hostnqn";
const HOST_ID: &str = "/etc/nvme/hostid";

/// nvme-cli's other file, which may have names of its own (nvme-connect-all(1)).
const NVME_JSON: &str = "/etc/nvme/config.json";

/// Replaces names.
#[derive(Debug)]
pub struct Renewal {
    /// [`ISCSI`] or [`NVME`].
    kind: &'static str,
    kept: Kept,
}

/// What a journal keeps of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    names: Vec<Name>,
}

/// One name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    /// The file that contains the name.
    path: PathBuf,
    old: String,
    new: String,
}

impl Name {
    fn new(path: &str, old: &str, new: String) -> Self {
        Self { path: path.into(), old: old.to_owned(), new }
    }

    fn turned(&self) -> Self {
        Self { path: self.path.clone(), old: self.new.clone(), new: self.old.clone() }
    }

    /// Whether postclone may have written it: a known file, and known forms of names.
    fn is_known(&self, kind: &str) -> bool {
        let fits: fn(&str) -> bool = match (kind, self.path.to_str()) {
            (ISCSI, Some(INITIATOR)) => |name| names::iqn(name).is_some(),
            (NVME, Some(HOST_NQN)) => |name| names::nqn(name).is_some(),
            (NVME, Some(HOST_ID)) => names::is_uuid,
            _ => return false,
        };
        fits(&self.old) && fits(&self.new)
    }
}

/// Reads what a journal keeps of the change.
///
/// # Errors
/// Something that no postclone has written.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Kept = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading the change of names that storage knows")?;
    let kind = if saved.kind == ISCSI { ISCSI } else { NVME };
    if let Some(name) = kept.names.iter().find(|name| !name.is_known(kind)) {
        bail!("`{}` is not a name that postclone renews", name.path.display());
    }
    Ok(Box::new(Renewal { kind, kept }))
}

/// A renewal, if one is due, and warnings.
type Found = (Option<Renewal>, Vec<Warning>);

/// Renews the name of the iSCSI initiator.
///
/// # Errors
/// An open session, a `/` that may be on one, or a name that somebody has chosen.
pub fn iscsi(root: &Root, drawn: &Drawn) -> Result<Found> {
    let Some(text) = text(root, INITIATOR)? else { return Ok((None, Vec::new())) };
    let Some(old) = initiator(&text).pop().map(|range| text[range].to_owned()) else {
        return Ok((None, Vec::new()));
    };
    let Some(prefix) = names::iqn(&old) else {
        return Err(refuse(chosen(INITIATOR, &old)));
    };
    in_use::iscsi(root).map_err(refuse)?;
    let new = drawn.iqn(root, prefix).map_err(refuse)?;
    let kept = Kept { names: vec![Name::new(INITIATOR, &old, new)] };
    Ok((Some(Renewal { kind: ISCSI, kept }), Vec::new()))
}

/// Renews the name and ID of the NVMe host. If both had the same UUID, they have the same one afterwards.
///
/// # Errors
/// The same as [`iscsi`].
pub fn nvme(root: &Root, drawn: &Drawn) -> Result<Found> {
    let read = |path, find: fn(&str) -> Option<std::ops::Range<usize>>| -> Result<_> {
        let text = text(root, path)?;
        Ok(text.and_then(|text| find(&text).map(|range| text[range].to_owned())))
    };
    let (nqn, id) = (read(HOST_NQN, host_name)?, read(HOST_ID, host_id)?);
    if nqn.is_none() && id.is_none() {
        return Ok((None, Vec::new()));
    }
    if let Some(old) = nqn.as_deref().filter(|nqn| names::nqn(nqn).is_none()) {
        return Err(refuse(chosen(HOST_NQN, old)));
    }
    if let Some(old) = id.as_deref().filter(|id| !names::is_uuid(id)) {
        return Err(refuse(chosen(HOST_ID, old)));
    }
    in_use::nvme(root).map_err(refuse)?;
    let agree = match (nqn.as_deref().and_then(names::nqn), &id) {
        (Some(of), Some(id)) => of.eq_ignore_ascii_case(id),
        _ => true,
    };
    let first = drawn.uuid(0)?;
    let second = if agree { first.clone() } else { drawn.uuid(1)? };
    let mut names = Vec::new();
    names.extend(nqn.map(|old| Name::new(HOST_NQN, &old, format!("{}{first}", names::NQN))));
    names.extend(id.map(|old| Name::new(HOST_ID, &old, second)));
    let mut warnings = Vec::new();
    let json = root.read_text(NVME_JSON).unwrap_or_default();
    if ["hostnqn", "hostid"].iter().any(|key| json.contains(key)) {
        let text = "it also contains names of this host, and stays as it is: write the new names there by hand";
        warnings.push(Warning::about(Path::new(NVME_JSON), text));
    }
    Ok((Some(Renewal { kind: NVME, kept: Kept { names } }), warnings))
}

/// Warns of names that a run leaves because it was not asked to renew them.
pub fn left(root: &Root) -> Vec<Warning> {
    let has = |path: &str| root.read_text(path).filter(|text| !text.trim().is_empty());
    let mut told = Vec::new();
    let mut tell = |path: &str, item: &str| {
        let text = format!(
            "the name stays as it is, because targets know it: `postclone renew {item}` makes a new one, which \
             you must add to their access lists"
        );
        told.push(Warning::about(Path::new(path), text));
    };
    if has(INITIATOR).is_some_and(|text| !initiator(&text).is_empty()) {
        tell(INITIATOR, ISCSI);
    }
    if let Some(path) = [HOST_NQN, HOST_ID].into_iter().find(|path| has(path).is_some()) {
        tell(path, NVME);
    }
    told
}

fn chosen(path: &str, name: &str) -> anyhow::Error {
    anyhow!(
        "`{path}` has `{}`, which does not have a form that installers make: somebody has chosen it; write \
         another one there by hand",
        name.escape_debug()
    )
}

/// A file's text. `None` if the file does not exist. An error if it is not text.
fn text(root: &Root, path: &str) -> Result<Option<String>> {
    let source = root.read(Path::new(path)).map_err(refuse)?;
    source.map(|source| String::from_utf8(source.bytes)).transpose().map_err(|_| {
        refuse(anyhow!("`{path}` is not text: put a name into it by hand, or remove it"))
    })
}

/// Replaces one name with the other.
#[derive(Debug)]
struct Names {
    kind: &'static str,
    names: Vec<Name>,
}

impl Rewriter for Names {
    fn patterns(&self) -> Vec<String> {
        let path = |name: &Name| name.path.to_string_lossy().trim_start_matches('/').to_owned();
        self.names.iter().map(path).collect()
    }

    fn rewrite(&self, path: &Path, text: &[u8]) -> Result<Rewritten> {
        let mut found = Rewritten::nothing(self.kind);
        let (Some(name), Ok(text)) =
            (self.names.iter().find(|name| name.path == path), std::str::from_utf8(text))
        else {
            return Ok(found);
        };
        let ranges = match path.to_str() {
            Some(INITIATOR) => initiator(text),
            Some(HOST_NQN) => host_name(text).into_iter().collect(),
            _ => host_id(text).into_iter().collect(),
        };
        for range in ranges.into_iter().filter(|range| text[range.clone()] == name.old) {
            let (new, token) = (name.new.clone().into_bytes(), range.clone());
            found.edits.push(Edit { range, new, token, form: Form::StorageName, volume: None });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrite::edit::apply;

    const OLD: &str = "iqn.1993-08.org.debian:01:7f1c5a3e9b0d";
    const NEW: &str = "iqn.1993-08.org.debian:01:00112233aabb";

    #[test]
    fn the_value_alone_is_replaced() {
        let names = Names { kind: ISCSI, names: vec![Name::new(INITIATOR, OLD, NEW.to_owned())] };
        let text = format!("## InitiatorName={OLD}\nInitiatorAlias=x\nInitiatorName={OLD}\n");
        let found = names.rewrite(Path::new(INITIATOR), text.as_bytes()).unwrap();
        let after = format!("## InitiatorName={OLD}\nInitiatorAlias=x\nInitiatorName={NEW}\n");
        assert_eq!(apply(text.as_bytes(), &found.edits), after.as_bytes());
        assert!(names.rewrite(Path::new(INITIATOR), after.as_bytes()).unwrap().edits.is_empty());
        let none: [&[u8]; 3] = [b"", b"\xff", b"InitiatorName=\n"];
        for text in none {
            assert!(names.rewrite(Path::new(INITIATOR), text).unwrap().edits.is_empty());
        }
    }

    #[test]
    fn what_no_postclone_wrote_is_refused() {
        let saved = |kind: &str, path: &str, new: &str| {
            let text = format!(
                r#"{{"kind":"{kind}","names":[{{"path":"{path}","old":"{OLD}","new":"{new}"}}]}}"#
            );
            of(&serde_json::from_str(&text).unwrap()).map(|_| ())
        };
        assert!(saved(ISCSI, INITIATOR, NEW).is_ok());
        for (kind, path, new) in [
            (ISCSI, "/etc/shadow", NEW),
            (ISCSI, HOST_NQN, NEW),
            (NVME, INITIATOR, NEW),
            (ISCSI, INITIATOR, "x\\nroot::0:0"),
            (NVME, HOST_ID, "0f"),
        ] {
            let said = format!("{:#}", saved(kind, path, new).unwrap_err());
            assert!(said.contains("is not a name that postclone renews"), "{said}");
        }
    }
}
