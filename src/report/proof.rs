//! The proof of the next boot as a table with eighty columns.

use std::borrow::Cow;
use std::io::{self, Write};

use super::style::{Mark, Style};
use super::wrap::wrapped;
use crate::printable;
use crate::proof::{Judgement, Row, summary};

/// The columns of a terminal.
const WIDTH: usize = 80;
/// The columns of the verdict and of the item. A longer item takes more.
const VERDICT: usize = 9;
const ITEM: usize = 14;

/// Writes a head with the numbers and other facts about the next boot (`more`), then the rows below their
/// file and entry. Every line starts with `prefix`. Long values are shortened in the middle. JSON has them
/// complete.
pub fn write(
    out: &mut (impl Write + ?Sized),
    rows: &[Row],
    more: Option<&str>,
    prefix: &str,
    style: Style,
) -> io::Result<()> {
    let numbers = (!rows.is_empty()).then(|| summary(rows));
    let head: Vec<&str> = numbers.as_deref().into_iter().chain(more).collect();
    if !head.is_empty() {
        let sentence = format!("Proof of the next boot: {}.", head.join("; "));
        for line in wrapped(&printable::line(&sentence), prefix) {
            writeln!(out, "{line}")?;
        }
    }
    let mut last = None;
    for row in rows {
        let head = (&row.path, &row.entry);
        if last != Some(head) {
            last = Some(head);
            let path = row.path.display();
            let entry = row.entry.as_ref().map_or(String::new(), |entry| format!(": {entry}"));
            line(out, prefix, &shortened(&format!("{path}{entry}"), WIDTH - prefix.len()))?;
        }
        write_row(out, row, prefix, style)?;
    }
    Ok(())
}

fn write_row(
    out: &mut (impl Write + ?Sized),
    row: &Row,
    prefix: &str,
    style: Style,
) -> io::Result<()> {
    let (on, off) = match row.verdict {
        Judgement::Holds => style.paint(Mark::Added),
        Judgement::Fails => style.paint(Mark::Removed),
        Judgement::AsBefore | Judgement::Tolerated => style.paint(Mark::Warning),
        Judgement::Unknown => ("", ""),
    };
    let item = format!("{:ITEM$}", shortened(&row.item, 2 * ITEM));
    let before = prefix.len() + 2 + VERDICT + 1 + item.chars().count() + 1;
    let value = shortened(&row.value, WIDTH.saturating_sub(before));
    write!(out, "{prefix}  {on}{:VERDICT$}{off} ", row.verdict.word())?;
    line(out, "", format!("{item} {value}").trim_end())?;
    // An unknown row gets no second line. Nearly all of these rows are about other groups.
    let why = row.why.as_ref().filter(|_| row.verdict != Judgement::Unknown);
    match why {
        Some(why) => {
            let why = shortened(why, WIDTH - prefix.len() - 4);
            line(out, prefix, &format!("    {why}"))
        }
        None => Ok(()),
    }
}

/// One line. A title or value may contain control characters of a terminal, or a newline.
fn line(out: &mut (impl Write + ?Sized), prefix: &str, text: &str) -> io::Result<()> {
    let text = text.replace(['\n', '\t'], " ");
    writeln!(out, "{prefix}{}", printable::line(&text))
}

/// The text with at most `columns` characters. A longer text is shortened in the middle.
fn shortened(text: &str, columns: usize) -> Cow<'_, str> {
    let length = text.chars().count();
    if length <= columns {
        return Cow::Borrowed(text);
    }
    let columns = columns.saturating_sub(3);
    let (front, back) = (columns - columns / 2, columns / 2);
    let front: String = text.chars().take(front).collect();
    let back: String = text.chars().skip(length - back).collect();
    Cow::Owned(format!("{front}...{back}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_left_out() {
        assert_eq!(shortened("abcdefghij", 10), "abcdefghij");
        assert_eq!(shortened("abcdefghijk", 10), "abcd...ijk");
        assert_eq!(shortened("\u{e4}\u{f6}\u{fc}", 3), "\u{e4}\u{f6}\u{fc}");
    }
}
