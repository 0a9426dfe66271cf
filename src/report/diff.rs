//! The change of a file as a unified diff for patch(1) with `-p1`.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use similar::{DiffOp, group_diff_ops};

use super::path_name;
use super::style::{Mark, Style};
use crate::plan::FileChange;
use crate::rewrite::edit::{Edit, apply};
use crate::rewrite::lines::LineIndex;

/// Writes the change with `context` unchanged lines around it. `to` is the file's path afterwards.
///
/// The edit of a name adds or removes no line. So line n of the old file is line n of the new file, and
/// the changed lines are known without a comparison of the files. If an edit adds or removes lines, or
/// replaces the whole text, the diff shows the whole file.
pub fn write(
    out: &mut (impl Write + ?Sized),
    change: &FileChange,
    to: &Path,
    context: usize,
    style: Style,
) -> io::Result<()> {
    let text = &change.before;
    let index = LineIndex::new(text);
    let has_line = |bytes: &[u8]| bytes.contains(&b'\n');
    let takes_lines = |edit: &Edit| {
        edit.range == (0..text.len()) || has_line(&edit.new) || has_line(&text[edit.range.clone()])
    };
    if change.edits.iter().any(takes_lines) {
        return write_whole(out, change, to, style);
    }
    let changed = changed_lines(&index, text, &change.edits);
    if changed.is_empty() {
        return Ok(());
    }
    write_header(out, change, to, style)?;
    for group in group_diff_ops(diff_ops(&changed, index.count()), context) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let all = first.old_range().start..last.old_range().end;
        let (on, off) = style.paint(Mark::Hunk);
        writeln!(out, "{on}@@ -{0} +{0} @@{off}", hunk_range(&all))?;
        for op in &group {
            let lines = op.old_range();
            if matches!(op, DiffOp::Equal { .. }) {
                for n in lines {
                    write_line(out, b' ', &text[index.range(n)], style)?;
                }
                continue;
            }
            for n in lines.clone() {
                write_line(out, b'-', &text[index.range(n)], style)?;
            }
            for n in lines {
                write_line(out, b'+', &changed_line(text, &index.range(n), &change.edits), style)?;
            }
        }
    }
    Ok(())
}

/// Writes all lines of the old text, then all lines of the new text.
fn write_whole(
    out: &mut (impl Write + ?Sized),
    change: &FileChange,
    to: &Path,
    style: Style,
) -> io::Result<()> {
    let after = change.after();
    if after == change.before {
        return Ok(());
    }
    write_header(out, change, to, style)?;
    let sides = [(b'-', change.before.as_slice()), (b'+', after.as_slice())]
        .map(|(sign, text)| (sign, text, LineIndex::new(text)));
    let (on, off) = style.paint(Mark::Hunk);
    let [old, new] = [0, 1].map(|side: usize| whole_range(sides[side].2.count()));
    writeln!(out, "{on}@@ -{old} +{new} @@{off}")?;
    for (sign, text, index) in &sides {
        for line in 0..index.count() {
            write_line(out, *sign, &text[index.range(line)], style)?;
        }
    }
    Ok(())
}

/// `first,count` in the header of a hunk with all lines of a file, which may have none.
fn whole_range(count: usize) -> String {
    if count == 0 { "0,0".to_owned() } else { hunk_range(&(0..count)) }
}

fn write_header(
    out: &mut (impl Write + ?Sized),
    change: &FileChange,
    to: &Path,
    style: Style,
) -> io::Result<()> {
    let (on, off) = style.paint(Mark::Header);
    for (sign, side, path) in [("---", "a", change.path.as_path()), ("+++", "b", to)] {
        write!(out, "{on}{sign} ")?;
        out.write_all(&style.shown(&path_name::in_header(side, path)))?;
        writeln!(out, "{off}")?;
    }
    Ok(())
}

/// The numbers of the lines that differ, ascending, each once.
fn changed_lines(index: &LineIndex, text: &[u8], edits: &[Edit]) -> Vec<usize> {
    let differing = edits.iter().filter(|edit| text[edit.range.clone()] != *edit.new);
    let mut lines: Vec<usize> = differing.map(|edit| index.line_of(edit.range.start)).collect();
    lines.dedup();
    lines
}

fn diff_ops(changed: &[usize], lines: usize) -> Vec<DiffOp> {
    let mut ops = Vec::new();
    let mut at = 0;
    let mut rest = changed;
    while let Some(&start) = rest.first() {
        let run =
            rest.iter().zip(start..).take_while(|(line, expected)| **line == *expected).count();
        if start > at {
            ops.push(DiffOp::Equal { old_index: at, new_index: at, len: start - at });
        }
        ops.push(DiffOp::Replace {
            old_index: start,
            old_len: run,
            new_index: start,
            new_len: run,
        });
        at = start + run;
        rest = &rest[run..];
    }
    if lines > at {
        ops.push(DiffOp::Equal { old_index: at, new_index: at, len: lines - at });
    }
    ops
}

fn changed_line(text: &[u8], line: &Range<usize>, edits: &[Edit]) -> Vec<u8> {
    let first = edits.partition_point(|edit| edit.range.end < line.start);
    let inside: Vec<Edit> = edits[first..]
        .iter()
        .take_while(|edit| {
            edit.range.start < line.end || (edit.range.is_empty() && edit.range.start == line.end)
        })
        .filter(|edit| edit.range.start >= line.start)
        .map(|edit| Edit {
            range: edit.range.start - line.start..edit.range.end - line.start,
            ..edit.clone()
        })
        .collect();
    apply(&text[line.clone()], &inside)
}

/// `first,count` in the header of a hunk. Lines are counted from 1.
fn hunk_range(lines: &Range<usize>) -> String {
    if lines.len() == 1 {
        format!("{}", lines.start + 1)
    } else {
        format!("{},{}", lines.start + 1, lines.len())
    }
}

pub(super) fn write_line(
    out: &mut (impl Write + ?Sized),
    sign: u8,
    line: &[u8],
    style: Style,
) -> io::Result<()> {
    let (on, off) = match sign {
        b'-' => style.paint(Mark::Removed),
        b'+' => style.paint(Mark::Added),
        _ => ("", ""),
    };
    let (body, newline) = match line.strip_suffix(b"\n") {
        Some(body) => (body, true),
        None => (line, false),
    };
    out.write_all(on.as_bytes())?;
    out.write_all(&[sign])?;
    out.write_all(&style.shown(body))?;
    writeln!(out, "{off}")?;
    if !newline {
        writeln!(out, "\\ No newline at end of file")?;
    }
    Ok(())
}
