//! What a journal's records contain.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::guest::kernels::Generator;
pub use crate::plan::Direction;
use crate::plan::Step;
use crate::plan::paths::PathChange;
use crate::proof::Row;

/// Raised when an older postclone cannot read the new format. Format 1 has no paths, format 2 no placed images,
/// format 3 no checksums and no name of its run. Format 4 has no kinds of change: format 4 and those before it are
/// about one group. All of them can still be read.
pub(super) const FORMAT: u32 = 5;

/// The only kind of change before format 5.
const FIRST_KIND: &str = "group";

/// The first format with kinds of change.
const KINDS: u32 = 5;

/// What a run will do. It is enough to finish or undo the run, after a crash, too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Saved {
    /// The journal's format.
    pub format: u32,
    /// The version of postclone that wrote it.
    pub version: String,
    /// The changes.
    pub changes: Vec<SavedChange>,
    /// Files that change, absolute inside the root.
    pub files: Vec<PathBuf>,
    /// Paths that are renamed, and links that get another target, in order.
    #[serde(default)]
    pub paths: Vec<PathChange>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The tool that builds the images.
    pub generator: Option<Generator>,
    /// The default entries, and what would have failed at the next boot, before the run.
    #[serde(default)]
    pub proof: Vec<Row>,
    /// If this run undoes an earlier one with a plan of its own: the name of the earlier run's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// Files that the user named with `--also`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<PathBuf>,
    /// Files that contain secrets. The journal keeps their contents until the first good boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Secrets>,
}

/// Files that contain secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// The files. They are among the files of the run.
    pub files: Vec<PathBuf>,
    /// The boot in which the run was made (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
}

/// One change, as its kind saves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedChange {
    /// Its kind.
    pub kind: String,
    /// What the kind saved.
    #[serde(flatten)]
    pub of: Map<String, Value>,
}

/// [`Saved`] as any format has it.
#[derive(Deserialize)]
struct Written {
    format: u32,
    version: String,
    #[serde(default)]
    changes: Vec<SavedChange>,
    files: Vec<PathBuf>,
    #[serde(default)]
    paths: Vec<PathChange>,
    steps: Vec<Step>,
    generator: Option<Generator>,
    #[serde(default)]
    proof: Vec<Row>,
    undoes: Option<String>,
    #[serde(default)]
    also: Vec<PathBuf>,
    #[serde(default)]
    secrets: Option<Secrets>,
    /// What the first kind wrote at this level.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// The keys that the first kind wrote.
const OF_FIRST_KIND: &[&str] = &["old", "new", "uuid", "volumes"];

impl From<Written> for Saved {
    fn from(written: Written) -> Self {
        let Written { format, version, mut changes, files, paths, steps, .. } = written;
        if format < KINDS {
            let of = written.rest.into_iter();
            let of = of.filter(|(key, _)| OF_FIRST_KIND.contains(&key.as_str())).collect();
            changes = vec![SavedChange { kind: FIRST_KIND.to_owned(), of }];
        }
        let (generator, proof) = (written.generator, written.proof);
        let (undoes, also, secrets) = (written.undoes, written.also, written.secrets);
        Self {
            format,
            version,
            changes,
            files,
            paths,
            steps,
            generator,
            proof,
            undoes,
            also,
            secrets,
        }
    }
}

/// The part of a journal that is read first, to find out whether the rest can be read.
#[derive(Deserialize)]
pub(super) struct Stamp {
    pub(super) format: u32,
    pub(super) version: String,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Interrupted, or still running, in this direction.
    Open(Direction),
    /// Finished.
    Done,
    /// Undone.
    Undone,
}

/// The first line of a journal.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Begin {
    /// The name of the run's directory. A copy of the directory has another name.
    #[serde(default)]
    pub(super) run: Option<String>,
    #[serde(flatten)]
    pub(super) saved: Saved,
}

/// One line of a journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub(super) enum Record {
    Begin(Box<Begin>),
    Intent { direction: Direction, step: usize },
    Done { direction: Direction, step: usize },
    Closed { direction: Direction },
}

impl Saved {
    /// The format and version of this postclone, with which a journal begins.
    pub fn stamp() -> (u32, String) {
        (FORMAT, env!("CARGO_PKG_VERSION").to_owned())
    }
}
