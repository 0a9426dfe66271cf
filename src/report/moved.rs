//! Renames and new targets of links, in the format of git (gitformat-diff, extended headers).
//!
//! GNU patch accepts them since version 2.7. The mode lines tell it that the file is a symbolic link.
//! Without them, it would refuse the rename because the link is not a regular file.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

use super::diff::write_line;
use super::path_name;
use super::style::{Mark, Style};
use crate::plan::paths::Moved;

/// git's mode for a symbolic link.
const LINK: &str = "120000";

/// Writes the lines before the hunks of a file. If only its name changes, there are no other lines.
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

/// Writes a file that is only renamed, or a link.
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
