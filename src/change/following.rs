//! A file that kernel-install has placed, which follows an image: what it will be on the bridge and afterwards.

use std::path::PathBuf;

use anyhow::Result;

use super::Changes;
use crate::guest::placed::{Made, Placed};
use crate::plan::Warning;
use crate::rewrite::bridge::{self, Uuids};
use crate::rewrite::edit::{Edit, apply};
use crate::rewrite::matcher::Matcher;
use crate::rewrite::merge::merge;
use crate::rewrite::text::kernel_command_line;
use crate::rewrite::uuid_bridge::StandIns;
use crate::transaction::record::Direction;

/// A placed file of a run.
#[derive(Debug)]
pub struct Following {
    /// The file at the end of the run.
    pub last: Placed,
    /// The file on the bridge, if it must be different there.
    pub bridge: Option<Placed>,
    /// The command line in the file now, and what changes in it.
    before: String,
    edits: Vec<Edit>,
}

impl Following {
    /// The file as the changes need it. Each matcher rewrites the names in the result of the one before it. Then the
    /// changes edit other arguments. A warning names what is left.
    pub fn new(
        file: Placed,
        matchers: &[Matcher],
        changes: &Changes,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self> {
        let mut this = Self { last: file, bridge: None, before: String::new(), edits: Vec::new() };
        if let Made::Unified { cmdline, .. } = &mut this.last.made {
            this.before.clone_from(cmdline);
            // The file will be rebuilt, so the warnings that the plan's files gave for it are wrong.
            let path = &this.last.path;
            warnings.retain(|warning| warning.path.as_ref() != Some(path));
            for matcher in matchers {
                let found = kernel_command_line(matcher, cmdline.as_bytes())?;
                for left in found.left {
                    let token = &cmdline[left.token];
                    let text = format!("`{token}` {} and stays as it is", left.why);
                    warnings.push(Warning::about(path, text));
                }
                *cmdline = text(&apply(cmdline.as_bytes(), &found.edits));
                this.edits = merge(std::mem::take(&mut this.edits), found.edits);
            }
            for change in changes.iter() {
                let edits = change.argument_edits(cmdline.as_bytes(), Direction::Forward);
                *cmdline = text(&apply(cmdline.as_bytes(), &edits));
                this.edits = merge(std::mem::take(&mut this.edits), edits);
            }
        }
        Ok(this)
    }

    /// The file on the bridge. `None` if the file as it is boots under either name. `images` says that images are
    /// built on the bridge, too.
    ///
    /// # Errors
    /// Why there is no bridge.
    pub fn on_bridge(&self, uuids: &Uuids, images: bool) -> Result<Option<Placed>, String> {
        let bridged = |made: Made| Some(Placed { made, ..self.last.clone() });
        match &self.last.made {
            made @ Made::Copy { .. } => Ok(images.then(|| bridged(made.clone())).flatten()),
            Made::Unified { initrd: None, .. } if images => Err(format!(
                "`{}` has copies of /etc/crypttab or lvm.conf, and it is not built from an image",
                self.last.path.display()
            )),
            Made::Unified { token, linux, initrd, .. } => {
                let before = self.before.as_bytes();
                let cmdline =
                    bridge::text("kernel-arguments", before, &self.edits, uuids, &StandIns::new())?;
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

    /// The path and the command line, if the file has one.
    pub fn command_line(&self) -> Option<(PathBuf, String)> {
        match &self.last.made {
            Made::Unified { cmdline, .. } => Some((self.last.path.clone(), cmdline.clone())),
            Made::Copy { .. } => None,
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
