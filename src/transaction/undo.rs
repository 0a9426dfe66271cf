//! What was done, and the way back, last step first.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::backup::Backup;
use super::image::KeptImage;
use crate::guest::root::Root;
use crate::names::VgName;
use crate::{live, lvm};

/// One thing that was done.
#[derive(Debug)]
pub enum Done {
    /// The group got its new name.
    Group {
        /// Its UUID.
        uuid: String,
        /// The name that it had.
        old: VgName,
    },
    /// A file got its new bytes.
    File {
        /// Inside the root.
        path: PathBuf,
        /// Its new bytes.
        written: Vec<u8>,
    },
    /// The volumes have links under both names.
    Links,
    /// systemd has read its new configuration.
    Reload,
    /// An image was, or may have been, built anew.
    Image(KeptImage),
}

/// What was done so far.
#[derive(Debug, Default)]
pub struct Log {
    done: Vec<Done>,
}

impl Log {
    /// Notes a thing before it is done: undoing what never happened does no harm.
    pub fn push(&mut self, done: Done) {
        self.done.push(done);
    }

    /// Takes everything back, as far as it goes; returns what could not be.
    pub fn undo(&mut self, root: &Root, backup: &Backup) -> Vec<anyhow::Error> {
        let mut failures = Vec::new();
        let mut reload = false;
        for done in self.done.drain(..).rev() {
            let result = match done {
                Done::Group { uuid, old } => group_back(&uuid, &old),
                Done::File { path, written } => backup.restore(root, &path, &written),
                Done::Links => live::unlink_names(),
                Done::Image(image) => image.restore(),
                Done::Reload => {
                    reload = true;
                    Ok(())
                }
            };
            failures.extend(result.err());
        }
        if reload {
            failures.extend(live::reload_systemd().err());
        }
        failures
    }

    /// Lets go of what was only kept for the way back.
    pub fn close(&mut self) {
        for done in self.done.drain(..) {
            if let Done::Image(image) = done {
                image.discard();
            }
        }
    }
}

fn group_back(uuid: &str, old: &VgName) -> Result<()> {
    let going_back = || format!("giving the group {uuid} its name `{old}` back");
    if lvm::name_of(uuid).with_context(going_back)? == *old {
        return Ok(());
    }
    live::with_name_free(old, || lvm::rename_group(uuid, old)).with_context(going_back)
}
