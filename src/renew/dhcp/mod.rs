//! What DHCP clients keep: leases, DUIDs and the secrets of stable addresses. postclone empties the files. Every
//! client takes an empty file to mean that nothing is kept (dhclient `read_client_leases`, dhcpcd `readfile`,
//! NetworkManager `_host_id_read`, wicked `ni_duid_map_load`), and makes its own values at its next start.
//!
//! A running client has the old values in memory, and may write them again until the reboot. So a unit empties the
//! files once more at the next boot, before any network is set up, and removes itself (`at_boot`).

mod at_boot;
mod change;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::whole::{Texts, Whole};
use crate::change::Change;
use crate::copies::is_copy;
use crate::exit::refuse;
use crate::guest::root::Root;
use crate::identity::View;
use crate::identity::items::dhcp::configured;
use crate::identity::items::dhcp::stored::{Holds, STORED, holds};
use crate::plan::Warning;
use crate::transaction::record::SavedChange;
use at_boot::AtBoot;

/// The word under which journals keep this kind.
pub const KIND: &str = "dhcp";

/// Empties the clients' files.
#[derive(Debug)]
pub struct Renewal {
    kept: Kept,
    /// The files' new texts. Empty if only the journal is known.
    texts: Texts,
    /// Whether it puts the old texts back, whatever a client has written since.
    gives_back: bool,
}

/// What a journal keeps of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    files: Vec<Whole>,
    /// What happens to the unit. `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_boot: Option<AtBoot>,
}

/// Reads what a journal keeps of the change.
///
/// # Errors
/// Something that no postclone has written.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Kept = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading the renewal of what DHCP clients keep")?;
    let named = kept.at_boot.iter().flat_map(AtBoot::files);
    for path in kept.files.iter().map(|file| &file.path).chain(named) {
        if holds(path).is_none() {
            bail!("`{}` is not a file of a DHCP client", path.display());
        }
    }
    Ok(Box::new(Renewal { kept, texts: Texts::new(), gives_back: false }))
}

/// The renewal that is due, and warnings about identifiers that somebody has set.
///
/// # Errors
/// A file that cannot be read.
pub fn find(root: &Root) -> Result<(Option<Renewal>, Vec<Warning>)> {
    let mut warnings = Vec::new();
    let view = View::of(root);
    for found in configured(&view) {
        let text = "it sets a DHCP identifier, and it stays as it is: set another identifier there, or remove the line";
        warnings.push(Warning::about(Path::new(&found.place), text));
    }
    if let Some(trouble) = view.take_troubles().first() {
        return Err(refuse(anyhow!("looking for DHCP identifiers: {trouble}: run it as root")));
    }
    let (mut files, mut texts) = (Vec::new(), Texts::new());
    for path in paths(root).map_err(refuse)? {
        let Some(source) = root.read(&path).map_err(refuse)? else { continue };
        if !source.bytes.is_empty() {
            let secret = holds(&path) == Some(Holds::Secret);
            files.push(Whole::new(&path, &source.bytes, Vec::new(), secret, &mut texts));
        }
    }
    if files.is_empty() {
        return Ok((None, warnings));
    }
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    let (at_boot, told) = at_boot::of(root, &paths);
    warnings.extend(told.map(Warning::general));
    let kept = Kept { files, at_boot };
    Ok((Some(Renewal { kept, texts, gives_back: false }), warnings))
}

/// The clients' files that exist, each once.
fn paths(root: &Root) -> Result<Vec<PathBuf>> {
    let (mut paths, mut seen) = (Vec::new(), BTreeSet::new());
    for pattern in STORED.iter().flat_map(|stored| stored.patterns) {
        for path in root.glob(pattern.trim_start_matches('/'))? {
            let path = Path::new("/").join(path);
            let name = path.file_name().unwrap_or_default();
            if is_copy(name.as_encoded_bytes()) {
                continue;
            }
            if root.resolve(&path)?.is_some_and(|file| seen.insert(file)) {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::super::Sum;
    use super::*;

    fn saved(file: &str, at_boot: &str) -> Result<Box<dyn Change>> {
        let sum = serde_json::to_string(&Sum::of(b"x")).unwrap();
        let text = format!(
            r#"{{"kind":"dhcp","files":[{{"path":"{file}","text":[{sum},{sum}]}}],"at_boot":{{"write":["{at_boot}"]}}}}"#
        );
        of(&serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn what_no_postclone_wrote_is_refused() {
        let good = "/var/lib/dhcp/dhclient.eth0.leases";
        let change = saved(good, good).unwrap();
        for (file, at_boot) in [("/etc/shadow", good), (good, "/etc/shadow")] {
            let said = format!("{:#}", saved(file, at_boot).unwrap_err());
            assert!(said.contains("`/etc/shadow` is not a file of a DHCP client"), "{said}");
        }
        assert!(saved(good, "/var/lib/dhcp/dhclient.$(x).leases").is_err());
        let phase = |act: &str| change.phase(&serde_json::from_str(act).unwrap());
        assert!(phase(&format!(r#"{{"step":"empty-at-boot","files":["{good}"]}}"#)).is_ok());
        for act in [
            r#"{"step":"empty-at-boot","files":["/var/lib/dhcpcd/duid"]}"#.to_owned(),
            format!(r#"{{"step":"leave-at-boot","files":["{good}"]}}"#),
        ] {
            let said = phase(&act).unwrap_err().to_string();
            assert!(said.contains("it concerns a different unit than the plan"), "{said}");
        }
    }
}
