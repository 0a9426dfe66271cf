//! Sentences in lines of eighty columns.

/// The columns of a narrow terminal. The last column stays free.
const WIDTH: usize = 79;

/// Wraps the words into lines, each with the prefix. A longer word gets a line of its own. Text in
/// backticks is not split, because people copy it.
pub fn wrapped(text: &str, prefix: &str) -> Vec<String> {
    let room = WIDTH.saturating_sub(prefix.chars().count());
    let mut lines: Vec<String> = Vec::new();
    for word in words(text) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines.into_iter().map(|line| format!("{prefix}{line}")).collect()
}

/// The words. Text in backticks is one word, even with spaces.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(last) if open => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
        open ^= word.matches('`').count() % 2 == 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_and_commands_whole() {
        let command = format!("`postclone rename {} b`.", "a".repeat(50));
        let text = format!("To rename the group after this host: {command} Then reboot.");
        let lines = wrapped(&text, "# ");
        assert_eq!(
            lines,
            ["# To rename the group after this host:", &format!("# {command} Then"), "# reboot."]
        );
        assert_eq!(wrapped("", "# "), Vec::<String>::new());
    }
}
