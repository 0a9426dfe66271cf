//! Shows a copy in parts to a program whose time grows faster than the file.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::staged::PREFIX;

/// Asks about a file. If the file has at most `at_a_time` lines, it asks once, about the file itself. Otherwise it
/// asks about one part after the other, until one answer is `Some`. Each part has empty lines in place of the lines
/// before it, so that every line keeps its number. A part exists beside the file only while it is asked about.
pub fn each<T>(
    file: &Path,
    at_a_time: usize,
    mut ask: impl FnMut(&Path) -> Result<Option<T>>,
) -> Result<Option<T>> {
    let reading = || format!("reading `{}`", file.display());
    let text = fs::read(file).with_context(reading)?;
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.len() <= at_a_time {
        return ask(file);
    }
    let dir = file.parent().unwrap_or(file);
    for (number, part) in lines.chunks(at_a_time).enumerate() {
        let writing = || format!("writing a part of `{}`", file.display());
        let mut copy =
            tempfile::Builder::new().prefix(PREFIX).tempfile_in(dir).with_context(writing)?;
        let mut bytes = vec![b'\n'; number * at_a_time];
        bytes.extend(part.concat());
        copy.write_all(&bytes).with_context(writing)?;
        if let Some(answer) = ask(copy.path())? {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_in_one_part_at_its_own_number() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fstab");
        fs::write(&file, "a\nb\nc\nd\ne").unwrap();
        let mut parts = Vec::new();
        let mut asked = |path: &Path| {
            parts.push(fs::read_to_string(path).unwrap());
            Ok(None::<()>)
        };
        each(&file, 2, &mut asked).unwrap();
        assert_eq!(parts, ["a\nb\n", "\n\nc\nd\n", "\n\n\n\ne"]);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no part is left");
    }

    #[test]
    fn a_small_file_is_asked_about_itself_and_the_first_answer_counts() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fstab");
        fs::write(&file, "a\nb\nc\n").unwrap();
        let path = each(&file, 3, |path| Ok(Some(path.to_owned()))).unwrap();
        assert_eq!(path.as_deref(), Some(file.as_path()));
        let mut count = 0;
        let answer = each(&file, 1, |_| {
            count += 1;
            Ok((count == 2).then_some(count))
        });
        assert_eq!((answer.unwrap(), count), (Some(2), 2));
    }
}
