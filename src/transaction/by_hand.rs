//! A script beside the journal that gives paths their old names. It is for a system where postclone is not available.

use std::fmt::Write as _;
use std::path::Path;

use crate::plan::paths::PathChange;

/// The script's name in a run's directory.
pub(super) const SCRIPT: &str = "paths-back";

/// Commands for sh(1), to be run in the root directory of the system. They skip whatever does not exist under its new
/// name, so the script can be run at any time, and more than once.
pub(super) fn script(paths: &[PathChange]) -> String {
    let mut script =
        String::from("# Run in the root directory of the system: gives every path its old name.\n");
    for path in paths.iter().rev() {
        let old = quoted(path.from.strip_prefix("/").unwrap_or(&path.from));
        let new = path.from.with_file_name(path.to.file_name().unwrap_or_default());
        let new = quoted(new.strip_prefix("/").unwrap_or(&new));
        if path.renames() {
            let _ = writeln!(script, "if [ -e {new} ] || [ -L {new} ]; then mv -T {new} {old}; fi");
        }
        if let Some(link) = path.retargets() {
            let (seconds, nanoseconds) = link.modified;
            let _ = writeln!(
                script,
                "if [ -L {old} ]; then ln -sfn {} {old} && touch -h -d @{seconds}.{nanoseconds:09} {old}; fi",
                quoted(&link.before)
            );
        }
    }
    script
}

/// Quotes a path as one word of sh(1). The word is never taken for an option.
fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\'', r"'\''");
    if path.starts_with('-') { format!("'./{path}'") } else { format!("'{path}'") }
}
