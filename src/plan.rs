//! The plan: a value that lists everything a run changes, made without changing anything.

use std::collections::{BTreeSet, HashSet};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use crate::exit::refuse;
use crate::guest::root::{Root, Source, identity};
use crate::live::reboot::GRUB_LINK;
use crate::names::VgName;
use crate::rewrite::edit::{Edit, apply};
use crate::rewrite::lines::LineIndex;
use crate::rewrite::matcher::{Matcher, Volumes};
use crate::rewrite::{PLACES, Place, crypttab};

/// What a run does, in order. Applying it may do only what stands here.
#[derive(Debug)]
pub struct Plan {
    /// The group's name now.
    pub old: VgName,
    /// Its name afterwards.
    pub new: VgName,
    /// The root tree, as a path on this machine.
    pub root: PathBuf,
    /// Files that change.
    pub files: Vec<FileChange>,
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
    /// Plan again: nothing may be left to change.
    Verify,
}

impl Step {
    /// Whether the step is about the running system alone: from a rescue system there is no such
    /// thing to do.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::LinkNames { .. } | Self::ReloadSystemd | Self::AwaitReboot)
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

/// The file part of a plan.
#[derive(Debug, Default)]
pub struct Files {
    /// Files that change, in the order of [`PLACES`].
    pub changes: Vec<FileChange>,
    /// Tokens that were left.
    pub warnings: Vec<Warning>,
}

/// Reads every place and finds what to change.
pub fn files(root: &Root, old: &VgName, new: &VgName, volumes: Volumes) -> Result<Files> {
    let mut warnings = Vec::new();
    let sources = read_places(root, &mut warnings).map_err(refuse)?;
    let matcher = Matcher::new(old.clone(), new.clone(), volumes, mapping_names(&sources));
    let mut changes = Vec::new();
    for (place, source) in sources {
        let found = (place.rewrite)(&matcher, &source.bytes)
            .with_context(|| format!("rewriting `{}`", source.path.display()))
            .map_err(refuse)?;
        let lines = LineIndex::new(if found.left.is_empty() { &[] } else { &source.bytes });
        for left in found.left {
            let (line, column) = lines.position(left.token.start);
            let token = String::from_utf8_lossy(&source.bytes[left.token]).into_owned();
            warnings.push(Warning {
                path: Some(source.path.clone()),
                line: Some(line),
                column: Some(column),
                text: format!("`{token}` {} and is left as it is", left.why),
            });
        }
        if !found.edits.is_empty() {
            changes.push(FileChange {
                path: source.path,
                kind: place.kind,
                before: source.bytes,
                metadata: source.metadata,
                edits: found.edits,
                bridge: None,
            });
        }
    }
    Ok(Files { changes, warnings })
}

/// The names of dm-crypt mappings that the known places declare: see [`Matcher::new`].
pub fn mappings(root: &Root) -> Result<BTreeSet<String>> {
    Ok(mapping_names(&read_places(root, &mut Vec::new())?))
}

/// Every file of the table, each once however many paths lead to it.
fn read_places(root: &Root, warnings: &mut Vec<Warning>) -> Result<Vec<(&'static Place, Source)>> {
    let mut seen = HashSet::new();
    let mut sources = Vec::new();
    for place in PLACES {
        let single = !place.pattern.contains('*');
        for path in root.glob(place.pattern)? {
            // Our own, for the time until the reboot.
            if path == Path::new(GRUB_LINK) {
                continue;
            }
            let Some(resolved) = root.resolve(&path)? else {
                if root.is_link(&path) {
                    dangling(root, &path, single, warnings)?;
                }
                continue;
            };
            if resolved.to_str().is_none() {
                let text = "the file's name is not UTF-8: left as it is, and not looked into";
                warnings.push(Warning::about(Path::new(&*path.to_string_lossy()), text));
                continue;
            }
            // A link to /dev/null is systemd's and the administrator's way to mask a file; a
            // directory's own subdirectories are nobody's configuration.
            if resolved == Path::new("/dev/null") || (!single && root.outer(&resolved).is_dir()) {
                continue;
            }
            if let Some(source) = root.read(&path)?
                && seen.insert(identity(&source.metadata))
            {
                sources.push((place, source));
            }
        }
    }
    Ok(sources)
}

fn dangling(root: &Root, path: &Path, single: bool, warnings: &mut Vec<Warning>) -> Result<()> {
    let target = std::fs::read_link(root.outer(path)).unwrap_or_default();
    let text = format!(
        "`{}` is a symbolic link to `{}`, which is not there inside the root",
        path.display(),
        target.display()
    );
    if single {
        bail!("{text}: mount what it points into, or remove the link");
    }
    warnings.push(Warning::about(path, format!("{text}: left as it is")));
    Ok(())
}

/// Mapping names on kernel command lines: Arch's `cryptdevice=device:name` (mkinitcpio encrypt),
/// `rd.luks.name=uuid=name` (systemd-cryptsetup-generator(8)), Debian's `cryptopts=target=name`.
static MAPPING_ARGUMENTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?-u)(?:cryptdevice=[^:\s"']+:|luks\.name=[^=\s"']+=|cryptopts=(?:[^\s"']*,)?target=)([^:,\s"']+)"#,
    )
    .expect("the pattern is a constant")
});

/// Names of dm-crypt mappings that the tree declares.
fn mapping_names(sources: &[(&Place, Source)]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (place, source) in sources {
        if place.kind == "crypttab" {
            names.extend(crypttab::mapping_names(&source.bytes));
        } else {
            let found = MAPPING_ARGUMENTS.captures_iter(&source.bytes);
            names.extend(found.map(|name| String::from_utf8_lossy(&name[1]).into_owned()));
        }
    }
    names
}
