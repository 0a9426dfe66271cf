//! The plan: a value that lists everything a run changes, made without changing anything.

pub mod also;
mod device_names;
mod difference;
mod included;
pub mod paths;
mod reading;
mod unit_paths;

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::exit::refuse;
use crate::guest::host::HostName;
use crate::guest::placed::Placed;
use crate::guest::private::is_private;
use crate::guest::root::{Root, Source};
use crate::names::VgName;
use crate::rewrite::edit::{Edit, Findings, apply};
use crate::rewrite::lines::LineIndex;
use crate::rewrite::matcher::{Matcher, Volumes};
use crate::rewrite::{Place, Treatment, advice};
use paths::Paths;
pub use reading::Sources;

/// What a run does, in order. Applying it may do only what stands here.
#[derive(Debug)]
pub struct Plan {
    /// The group's name now.
    pub old: VgName,
    /// Its name afterwards.
    pub new: VgName,
    /// The host name that the new name was made of, where nobody gave it.
    pub named_after: Option<HostName>,
    /// The root tree, as a path on this machine.
    pub root: PathBuf,
    /// Files that change.
    pub files: Vec<FileChange>,
    /// Paths that get another name, and links that get another target.
    pub paths: Paths,
    /// Steps, in the order in which they are taken.
    pub steps: Vec<Step>,
    /// What a person should know.
    pub warnings: Vec<Warning>,
}

/// One file's change.
#[derive(Debug)]
pub struct FileChange {
    /// Absolute inside the root, links resolved.
    pub path: PathBuf,
    /// The format's name.
    pub kind: &'static str,
    /// The file as it was read.
    pub before: Vec<u8>,
    /// Its metadata at that time.
    pub metadata: Metadata,
    /// Whether not everybody may read it: then its text goes to a terminal alone.
    pub private: bool,
    /// What changes, in the order of the file.
    pub edits: Vec<Edit>,
    /// The file's bytes on the bridge, where a boot reads it and the run has a bridge.
    pub bridge: Option<Vec<u8>>,
}

impl FileChange {
    /// The file's new bytes.
    pub fn after(&self) -> Vec<u8> {
        apply(&self.before, &self.edits)
    }
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Keep the files' bytes as they are now, in the journal under /var/lib/postclone.
    Backup {
        /// Number of files.
        files: usize,
    },
    /// Name file systems by UUID in the files that a boot reads, so that the next boot comes up
    /// whatever the group is called.
    BridgeFiles {
        /// Number of files.
        files: usize,
    },
    /// Build a kernel's initramfs image on the bridge, where images hold copies of bridged files.
    BridgeImage {
        /// The tool that builds it.
        generator: String,
        /// The kernel's version.
        kernel: String,
        /// The image, inside the root.
        path: PathBuf,
    },
    /// Make what kernel-install has placed for a kernel anew on the bridge.
    BridgePlaced(Placed),
    /// Rename the group in LVM's metadata, by its UUID, and read it back.
    RenameGroup {
        /// The group's UUID.
        uuid: String,
        /// Its name now.
        old: String,
        /// Its name afterwards.
        new: String,
    },
    /// Put the new files in place of the old.
    ReplaceFiles {
        /// Number of files.
        files: usize,
    },
    /// Rename what bears the group's name itself, and turn links to it.
    RenamePaths {
        /// Number of files, directories and links.
        paths: usize,
    },
    /// Give every volume its device links under both names until the next boot.
    LinkNames {
        /// Number of volumes.
        volumes: usize,
    },
    /// Let systemd read its configuration again.
    ReloadSystemd,
    /// Until the next boot: keep generators from writing the old name, ask for the reboot.
    AwaitReboot,
    /// Build a kernel's initramfs image anew.
    RebuildImage {
        /// The tool that builds it.
        generator: String,
        /// The kernel's version.
        kernel: String,
        /// The image, inside the root.
        path: PathBuf,
    },
    /// Make what kernel-install has placed for a kernel anew, of the new image.
    Place(Placed),
    /// Plan again: nothing may be left to change. Then prove the next boot.
    Verify,
}

impl Step {
    /// Whether the step is about the running system alone: from a rescue system there is no such
    /// thing to do.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::LinkNames { .. } | Self::ReloadSystemd | Self::AwaitReboot)
    }

    /// Whether the step leaves an image that the next boot reads, built by the system itself alone.
    pub fn is_image(&self) -> bool {
        matches!(self, Self::RebuildImage { .. } | Self::Place(_))
    }

    /// Whether the step makes an image that boots under either name.
    pub fn is_bridge_image(&self) -> bool {
        matches!(self, Self::BridgeImage { .. } | Self::BridgePlaced(_))
    }
}

/// Something that was left as it is, or that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The file it is about, inside the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Line of the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Byte of the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The sentence.
    pub text: String,
}

impl Warning {
    /// A warning about the whole run.
    pub fn general(text: impl Into<String>) -> Self {
        Self { path: None, line: None, column: None, text: text.into() }
    }

    /// A warning about a file.
    pub fn about(path: &Path, text: impl Into<String>) -> Self {
        Self { path: Some(path.to_owned()), ..Self::general(text) }
    }
}

/// The part of a plan that is about files.
#[derive(Debug, Default)]
pub struct Files {
    /// Files that change, in the order of [`PLACES`].
    pub changes: Vec<FileChange>,
    /// Paths that change.
    pub paths: Paths,
    /// Tokens that were left.
    pub warnings: Vec<Warning>,
}

/// Looks at every name in what was read, and finds what to change.
pub fn files(
    root: &Root,
    sources: Sources,
    old: &VgName,
    new: &VgName,
    volumes: Volumes,
) -> Result<Files> {
    let Sources { files, mappings, mut warnings } = sources;
    let matcher = Matcher::new(old.clone(), new.clone(), volumes, mappings);
    let mut changes = Vec::new();
    for (place, source) in files {
        let found = (place.rewrite)(&matcher, &source.bytes)
            .with_context(|| format!("rewriting `{}`", source.path.display()))
            .map_err(refuse)?;
        warnings.extend(also::unused(place, &source, &found, old));
        warnings.extend(left_as_it_is(place, &source, &found, &matcher));
        let (Treatment::Rewritten | Treatment::Then(_)) = place.treatment else { continue };
        if !found.edits.is_empty() {
            changes.push(FileChange {
                private: is_private(root, &source.path, &source.metadata),
                path: source.path,
                kind: place.kind,
                before: source.bytes,
                metadata: source.metadata,
                edits: found.edits,
                bridge: None,
            });
        }
    }
    let zipl = Path::new(ZIPL_CONF);
    let entries = changes.iter().any(|change| change.kind == "bls-entry");
    let told = warnings.iter().any(|warning| warning.path.as_deref() == Some(zipl));
    if entries && !told && root.exists(zipl) {
        warnings.push(Warning::about(zipl, advice::ZIPL));
    }
    let paths = unit_paths::find(root, &matcher, &mut warnings).map_err(refuse)?;
    Ok(Files { changes, paths, warnings })
}

/// Where it stands, zipl(8) has copied the boot loader entries into its boot map (s390-tools zipl).
pub const ZIPL_CONF: &str = "/etc/zipl.conf";

/// Names of dm-crypt mappings that any place of the root declares.
pub fn mappings(root: &Root) -> Result<BTreeSet<String>> {
    Ok(Sources::read(root, &[])?.mappings)
}

/// What is shown of a file: what was left in it, and what its owner must be told.
fn left_as_it_is(
    place: &Place,
    source: &Source,
    found: &Findings,
    matcher: &Matcher,
) -> Vec<Warning> {
    let advice = |advice: &str| matcher.fill(advice);
    let mut told: Vec<(usize, String)> = Vec::new();
    for left in &found.left {
        let token = String::from_utf8_lossy(&source.bytes[left.token.clone()]);
        told.push((left.token.start, format!("`{token}` {} and is left as it is", left.why)));
    }
    match place.treatment {
        Treatment::Rewritten => {}
        Treatment::Then(text) if found.edits.is_empty() => log::debug!("not needed: {text}"),
        Treatment::Then(text) => return about(source, told, Some(advice(text))),
        Treatment::Reported(text) if source.bytes.contains(&0) => {
            let any = !found.edits.is_empty() || !found.left.is_empty();
            let text = format!("names the group and is left as it is: {}", advice(text));
            return about(source, Vec::new(), any.then_some(text));
        }
        Treatment::Reported(text) => {
            for edit in &found.edits {
                let token = String::from_utf8_lossy(&source.bytes[edit.token.clone()]);
                let text = format!("`{token}` is left as it is: {}", advice(text));
                told.push((edit.token.start, text));
            }
            told.sort_by_key(|(at, _)| *at);
        }
    }
    about(source, told, None)
}

/// Warnings about bytes of a file, and one about the file.
fn about(source: &Source, told: Vec<(usize, String)>, whole: Option<String>) -> Vec<Warning> {
    let lines = LineIndex::new(if told.is_empty() { &[] } else { &source.bytes });
    let mut warnings: Vec<Warning> = told
        .into_iter()
        .map(|(at, text)| {
            let (line, column) = lines.position(at);
            Warning { line: Some(line), column: Some(column), ..Warning::about(&source.path, text) }
        })
        .collect();
    warnings.extend(whole.map(|text| Warning::about(&source.path, text)));
    warnings
}
