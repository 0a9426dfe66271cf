//! Inside images: the same search as in files, and what the image can do for a boot.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Result, bail};

use super::file::{Looker, Position, Spot, severity};
use super::finding::{Part, obstacle, shown_path};
use super::rules;
use crate::image::{self, Entry, NotAnImage, Summary};
use crate::rewrite::{PLACES, is_at};
use crate::severity::Severity;

/// What an image can do for a boot.
pub(super) fn summary(path: &Path) -> Result<Summary> {
    let mut summary = Summary::default();
    image::read(path, &mut |entry, content| {
        let mut kept = Vec::new();
        if Summary::reads(entry) {
            content.read_to_end(&mut kept)?;
        }
        io::copy(content, &mut io::sink())?;
        summary.note(entry, &kept);
        Ok(())
    })?;
    Ok(summary)
}

impl Looker<'_> {
    /// Searches an image like [`Looker::look`], and returns what the image can do for a boot.
    pub(super) fn summarize(&mut self, path: &Path) -> Result<Summary> {
        let spot = Spot { path: b"", executable: false, private: false };
        image::read(path, &mut |entry, content| self.entry(entry, content, spot, false, ""))?;
        for finding in &mut self.found.list {
            finding.path = shown_path(path);
        }
        Ok(std::mem::take(&mut self.summary))
    }

    /// Searches the contents of an image. False if the file is not an image.
    pub(super) fn image(&mut self, file: &File, spot: Spot<'_>) -> bool {
        let advice = rules::image_advice(spot.path);
        let record = rules::of(spot.path, false).0 == Severity::History;
        let result = image::read_file(file, &mut |entry, content| {
            self.entry(entry, content, spot, record, &advice)
        });
        match result {
            Err(error) if error.downcast_ref::<NotAnImage>().is_some() => return false,
            Err(error) if !self.stop.is_due() => {
                let why = format!("{error:#}; {advice}");
                self.found.could_not(obstacle(spot.path, why));
            }
            _ => {}
        }
        true
    }

    fn entry(
        &mut self,
        entry: &Entry,
        content: &mut dyn Read,
        spot: Spot<'_>,
        record: bool,
        advice: &str,
    ) -> Result<()> {
        if self.stop.is_due() {
            self.found.incomplete = true;
            bail!("the search was ended");
        }
        let (mut kept, kept_back) = (Vec::new(), Summary::reads(entry));
        if kept_back {
            content.read_to_end(&mut kept)?;
        }
        self.summary.note(entry, &kept);
        let mut kept = kept.as_slice();
        let content = if kept_back { &mut kept as &mut dyn Read } else { content };
        let inside = Some(entry.name.as_slice());
        let sure = if record { Severity::History } else { rules::inside(&entry.name) };
        for hit in self.wanted.hits(&entry.name, None) {
            let severity = severity(&hit, sure, sure == Severity::History);
            let position = Position::at(&hit);
            let part = Part::FileName;
            self.push(spot, inside, part, position, &hit, &entry.name, severity, advice);
        }
        let part = if entry.is_link() { Part::LinkTarget } else { Part::Content };
        if !entry.is_link() && !entry.is_file() {
            return Ok(());
        }
        let name = String::from_utf8_lossy(&entry.name);
        let place = PLACES.iter().find(|place| is_at(place, &name));
        self.content(content, false, place, &mut |looker, position, hit, text| {
            let severity = severity(hit, sure, sure == Severity::History);
            looker.push(spot, inside, part, position, hit, text, severity, advice);
        })?;
        Ok(())
    }
}
