//! Whether a boot loader sees the new files at once.

use std::collections::BTreeSet;
use std::path::Path;

use crate::change::Job;
use crate::plan::Warning;
use crate::run::Program;
use crate::transaction::freeze::{Log, log_of};

/// Warns of file systems that GRUB reads without their log, if the log cannot be written back at once.
pub(super) fn warn(job: &mut Job) {
    let files = job.plan.files.iter().map(|change| change.path.as_path());
    let images = job.images.images.iter().map(|image| image.path.as_path());
    let dirs: BTreeSet<_> =
        files.chain(images).filter_map(Path::parent).map(|dir| job.root.outer(dir)).collect();
    let mut told = BTreeSet::new();
    for dir in dirs {
        // A directory that cannot be examined is refused elsewhere.
        let Ok((device, log)) = log_of(&dir) else { continue };
        let why = match log {
            // Nobody boots a tree that merely lies on this machine's disk.
            Log::Time if job.root.is_live() => {
                "it is in the XFS file system of `/`, which is not frozen while it is in use"
            }
            Log::Freeze if Program::Fsfreeze.find().is_none() => {
                "it is on XFS, and `fsfreeze` (util-linux), which makes XFS write its log back, is not installed"
            }
            _ => continue,
        };
        if told.insert(device) {
            job.plan.warnings.push(Warning::about(
                &job.root.inner(&dir),
                format!(
                    "{why}: GRUB reads XFS without its log, so for up to a minute after each change of files \
                     here, including the bridge, a power cut may leave GRUB with the old files, which name {}; \
                     `systemctl reboot` writes the log back",
                    job.plan.searched_names()
                ),
            ));
        }
    }
}
