//! The files that follow the images of a job.

use std::path::Path;

use anyhow::Result;

use crate::change::{Following, Job};
use crate::exit::refuse;
use crate::guest::{kernel_install, placed};
use crate::plan::Warning;
use crate::transaction::record::Direction;

/// Finds what follows the job's images. Adds images that were created in place of kernel-install's files.
pub(super) fn add(job: &mut Job) -> Result<()> {
    let root = &job.root;
    let found = placed::find(root, &job.images.images, job.generator).map_err(refuse)?;
    job.images.images.extend(found.images);
    if let Some(dir) = found.elsewhere {
        let text = format!("kernels are placed in `{}`, which is not searched", dir.display());
        job.plan.warnings.push(Warning::about(Path::new("/etc/kernel/install.conf"), text));
    }
    if found.placed.is_empty() && found.left.is_empty() {
        return Ok(());
    }
    let has_cmdline = kernel_install::has_command_line(root);
    if root.is_live() && job.changes.pivot() && !has_cmdline {
        let text = "until the reboot, /proc/cmdline has the old name, and kernel-install gives it to any new \
                    kernel: install no kernel before the reboot, or write /etc/kernel/cmdline";
        job.plan.warnings.push(Warning::general(text));
    }
    let matchers = job.changes.matchers(Direction::Forward, &job.mappings);
    let warnings = &mut job.plan.warnings;
    for file in found.placed {
        let following = Following::new(file, &matchers, &job.changes, warnings)?;
        job.placed.push(following);
    }
    // The plan's own warning covers only the files that name the group.
    for (path, why) in found.left {
        if warnings.iter().any(|warning| warning.path.as_deref() == Some(&path)) {
            warnings.push(Warning::about(&path, format!("it is not rebuilt: {why}")));
        }
    }
    Ok(())
}
