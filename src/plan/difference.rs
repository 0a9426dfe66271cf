//! What a plan does that an earlier plan for the same machine did not do.

use super::{FileChange, Plan};

impl Plan {
    /// What is different in a later plan, as the beginning of a sentence. None if both do the same.
    pub fn difference(&self, later: &Self) -> Option<String> {
        let all = |plan: &Self| -> Vec<(String, String)> {
            plan.subjects.iter().map(|own| (own.old.clone(), own.new.clone())).collect()
        };
        if all(self) != all(later) {
            let (old, new) = (later.old_names(), later.new_names());
            return Some(format!("the names became {old} and {new}"));
        }
        let same = |a: &FileChange, b: &FileChange| {
            a.path == b.path && a.before == b.before && a.edits == b.edits && a.bridge == b.bridge
        };
        let mut pairs = self.files.iter().zip(&later.files);
        let changed = pairs.find(|(a, b)| !same(a, b)).map(|(change, _)| change);
        let shorter = self.files.len().min(later.files.len());
        let rest = self.files[shorter..].iter().chain(&later.files[shorter..]);
        if let Some(change) = changed.or(rest.last()) {
            return Some(format!("`{}` was changed", change.path.display()));
        }
        if self.paths.changes != later.paths.changes {
            return Some("the files and links that have the name are different".to_owned());
        }
        (self.steps != later.steps).then(|| "the images or volumes are different".to_owned())
    }
}
