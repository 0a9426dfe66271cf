//! What follows the images: the files that kernel-install has placed, as they are to be on the bridge
//! and afterwards.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Job;
use crate::exit::refuse;
use crate::guest::placed::{self, Made, Placed};
use crate::plan::Warning;
use crate::rewrite::bridge::{self, Uuids};
use crate::rewrite::edit::{Edit, apply};
use crate::rewrite::matcher::Matcher;
use crate::rewrite::text::kernel_command_line;

/// A placed file of a run.
#[derive(Debug)]
pub(crate) struct Following {
    /// As it is to be.
    pub(crate) last: Placed,
    /// As it is to be on the bridge, where it has to be another there.
    pub(crate) bridge: Option<Placed>,
    /// The command line in it now, and what changes in it.
    before: String,
    edits: Vec<Edit>,
}

/// Where kernel-install takes the command line from before it asks the running kernel.
const CMDLINES: &[&str] = &["/etc/kernel/cmdline", "/usr/lib/kernel/cmdline"];

/// Finds what follows the job's images, and adds the images that were made in its place.
pub(super) fn add(job: &mut Job) -> Result<()> {
    let root = &job.root;
    let found = placed::find(root, &job.images.images, job.generator).map_err(refuse)?;
    job.images.images.extend(found.images);
    if let Some(dir) = found.elsewhere {
        let text = format!("kernels are placed in `{}`, which is not looked into", dir.display());
        job.plan.warnings.push(Warning::about(Path::new("/etc/kernel/install.conf"), text));
    }
    if found.placed.is_empty() && found.left.is_empty() {
        return Ok(());
    }
    let has_cmdline = CMDLINES.iter().any(|path| root.exists(path));
    if root.is_live() && job.target.renames_group && !has_cmdline {
        let text = "until the reboot /proc/cmdline has the old name, and kernel-install gives it to a kernel \
                    that is installed: install none before it, or write /etc/kernel/cmdline";
        job.plan.warnings.push(Warning::general(text));
    }
    let mappings = job.mappings.clone();
    let (old, new) = (job.target.old.clone(), job.target.new.clone());
    let matcher = Matcher::new(old, new, job.target.volumes(), mappings);
    let warnings = &mut job.plan.warnings;
    for file in found.placed {
        let following = Following::new(file, &matcher, warnings)?;
        job.placed.push(following);
    }
    // The plan's own warning tells only of those that name the group.
    for (path, why) in found.left {
        if warnings.iter().any(|warning| warning.path.as_deref() == Some(&path)) {
            warnings.push(Warning::about(&path, format!("it is not built anew: {why}")));
        }
    }
    Ok(())
}

impl Following {
    fn new(file: Placed, matcher: &Matcher, warnings: &mut Vec<Warning>) -> Result<Self> {
        let mut this = Self { last: file, bridge: None, before: String::new(), edits: Vec::new() };
        if let Made::Unified { cmdline, .. } = &mut this.last.made {
            let found = kernel_command_line(matcher, cmdline.as_bytes())?;
            this.before.clone_from(cmdline);
            *cmdline = text(&apply(cmdline.as_bytes(), &found.edits));
            this.edits = found.edits;
            // It is not left as it is, as the plan's files alone would have it.
            let path = &this.last.path;
            warnings.retain(|warning| warning.path.as_ref() != Some(path));
            for left in found.left {
                let token = &this.before[left.token];
                let text = format!("`{token}` {} and is left as it is", left.why);
                warnings.push(Warning::about(path, text));
            }
        }
        Ok(this)
    }

    /// The file on the bridge; nothing where it boots under either name as it is. `images` are built
    /// on the bridge, too.
    ///
    /// # Errors
    /// Why there is no bridge.
    pub(super) fn on_bridge(&self, uuids: &Uuids, images: bool) -> Result<Option<Placed>, String> {
        let bridged = |made: Made| Some(Placed { made, ..self.last.clone() });
        match &self.last.made {
            made @ Made::Copy { .. } => Ok(images.then(|| bridged(made.clone())).flatten()),
            Made::Unified { initrd: None, .. } if images => Err(format!(
                "`{}` has copies of /etc/crypttab or lvm.conf, and no image of which it is built",
                self.last.path.display()
            )),
            Made::Unified { token, linux, initrd, .. } => {
                let before = self.before.as_bytes();
                let cmdline = bridge::text("kernel-arguments", before, &self.edits, uuids)?;
                if cmdline.is_none() && !images {
                    return Ok(None);
                }
                Ok(bridged(Made::Unified {
                    token: token.clone(),
                    linux: linux.clone(),
                    initrd: initrd.clone(),
                    cmdline: text(cmdline.as_deref().unwrap_or(before)),
                }))
            }
        }
    }

    /// Where it has a command line, the path and the line.
    pub(crate) fn command_line(&self) -> Option<(PathBuf, String)> {
        match &self.last.made {
            Made::Unified { cmdline, .. } => Some((self.last.path.clone(), cmdline.clone())),
            Made::Copy { .. } => None,
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
