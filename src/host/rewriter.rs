//! Rewrites the host's name in the files of a plan.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::HostNames;
use super::places::{self, PLACES};
use crate::plan::{Rewriter, Rewritten, Warning};
use crate::rewrite::Treatment;
use crate::rewrite::edit::Edit;
use crate::rewrite::lines::LineIndex;

/// The table of places, with the names for one direction of a run.
#[derive(Debug)]
pub(super) struct InPlaces {
    pub(super) names: HostNames,
    /// Files that stay as they are.
    pub(super) spared: Vec<PathBuf>,
}

impl Rewriter for InPlaces {
    fn patterns(&self) -> Vec<String> {
        PLACES.iter().map(|place| place.pattern.to_owned()).collect()
    }

    fn rewrite(&self, path: &Path, text: &[u8]) -> Result<Rewritten> {
        let Some(place) = path.to_str().and_then(places::place) else {
            return Ok(Rewritten::nothing("host-name"));
        };
        if self.spared.iter().any(|spared| spared == path) {
            return Ok(Rewritten::nothing(place.kind));
        }
        let mut found = (place.rewrite)(&self.names, text);
        let lines = LineIndex::new(text);
        let at = |offset: usize, what: String| {
            let (line, column) = lines.position(offset);
            let warning = Warning::about(path, what);
            (offset, Warning { line: Some(line), column: Some(column), ..warning })
        };
        let mut told: Vec<(usize, Warning)> = found
            .left
            .iter()
            .map(|left| {
                let token = String::from_utf8_lossy(&text[left.token.clone()]);
                at(left.token.start, format!("`{token}` {} and stays as it is", left.why))
            })
            .collect();
        match place.treatment {
            Treatment::Rewritten => {}
            Treatment::Then(what) => told.extend(
                found
                    .edits
                    .first()
                    .map(|edit| (text.len(), Warning::about(path, fill(what, text, edit)))),
            ),
            Treatment::Reported(what) => {
                for edit in std::mem::take(&mut found.edits) {
                    let token = String::from_utf8_lossy(&text[edit.token.clone()]);
                    let what = fill(what, text, &edit);
                    told.push(at(edit.token.start, format!("`{token}` stays as it is: {what}")));
                }
            }
        }
        told.sort_by_key(|(offset, _)| *offset);
        Ok(Rewritten {
            edits: found.edits,
            warnings: told.into_iter().map(|(_, warning)| warning).collect(),
            ..Rewritten::nothing(place.kind)
        })
    }
}

/// Fills the names into advice, as the file spells them.
fn fill(advice: &str, text: &[u8], edit: &Edit) -> String {
    let (token, range) = (&edit.token, &edit.range);
    let new = [&text[token.start..range.start], &edit.new, &text[range.end..token.end]].concat();
    let old = String::from_utf8_lossy(&text[token.clone()]);
    advice.replace("{old}", &old).replace("{new}", &String::from_utf8_lossy(&new))
}
