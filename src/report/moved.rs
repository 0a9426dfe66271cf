//! Renames, and links that get another target, as git writes them (gitformat-diff, extended headers).
//!
//! GNU patch takes them from 2.7 on. The mode lines are what tells it that a rename is one of a
//! symbolic link, which it would refuse as no regular file.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

use super::diff::write_line;
use super::path_name;
use super::style::{Mark, Style};
use crate::plan::paths::Moved;

/// git's mode of a symbolic link.
const LINK: &str = "120000";

/// The lines before a file's hunks; they are all where only the name changes.
pub(super) fn write_head(
    out: &mut (impl Write + ?Sized),
    moved: &Moved,
    style: Style,
) -> io::Result<()> {
    let mut lines = vec![
        [
            &b"diff --git "[..],
            &path_name::in_git("a", &moved.from),
            b" ",
            &path_name::in_git("b", &moved.to),
        ]
        .concat(),
    ];
    if moved.targets.is_some() {
        lines.extend(["old", "new"].map(|side| format!("{side} mode {LINK}").into_bytes()));
    }
    if moved.from != moved.to {
        for (word, path) in [("from", &moved.from), ("to", &moved.to)] {
            lines.push([format!("rename {word} ").as_bytes(), &path_name::bare(path)].concat());
        }
    }
    let (on, off) = style.paint(Mark::Header);
    for line in lines {
        write!(out, "{on}")?;
        out.write_all(&style.shown(&line))?;
        writeln!(out, "{off}")?;
    }
    Ok(())
}

/// A file that is renamed and nothing else, or a link.
pub(super) fn write(
    out: &mut (impl Write + ?Sized),
    moved: &Moved,
    style: Style,
) -> io::Result<()> {
    write_head(out, moved, style)?;
    let Some((before, after)) = moved.targets.as_ref().filter(|(before, after)| before != after)
    else {
        return Ok(());
    };
    let (on, off) = style.paint(Mark::Header);
    for (sign, side, path) in [("---", "a", &moved.from), ("+++", "b", &moved.to)] {
        write!(out, "{on}{sign} ")?;
        out.write_all(&style.shown(&path_name::in_header(side, path)))?;
        writeln!(out, "{off}")?;
    }
    let (on, off) = style.paint(Mark::Hunk);
    writeln!(out, "{on}@@ -1 +1 @@{off}")?;
    write_line(out, b'-', before.as_os_str().as_bytes(), style)?;
    write_line(out, b'+', after.as_os_str().as_bytes(), style)
}
