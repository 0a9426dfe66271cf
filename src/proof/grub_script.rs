//! The part of GRUB's script language that menus use: commands, words with variables, blocks
//! (grub-core/script/yylex.l, parser.y; GRUB manual, "Writing full configuration files").

use std::collections::{BTreeMap, BTreeSet};

/// A command with its words. Some commands have a block (`menuentry`, `submenu`, `function`).
#[derive(Debug, Default)]
pub(super) struct Command {
    /// The line of its first word, from 1.
    pub(super) line: usize,
    /// Its words, beginning with the command's name.
    pub(super) words: Vec<Word>,
    /// The commands between its braces.
    pub(super) block: Vec<Command>,
}

/// A word: literal text and variable names.
pub(super) type Word = Vec<Piece>;

/// Part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Variable(String),
}

/// No menu has submenus this deep. Deeper braces are ignored.
const DEPTH: usize = 32;

/// The commands of a script. A script with syntax errors is read as far as possible.
pub(super) fn parse(text: &str) -> Vec<Command> {
    let mut reader = Reader { rest: text.chars().peekable(), line: 1 };
    let mut open: Vec<(Command, Vec<Command>)> = Vec::new();
    let mut commands = Vec::new();
    let mut command = Command::default();
    while let Some(token) = reader.token() {
        match token {
            // The next word begins a new command.
            Token::Word(word) if command.words.is_empty() && is_keyword(&word) => {}
            Token::Word(word) => {
                if command.words.is_empty() {
                    command.line = reader.line;
                }
                command.words.push(word);
            }
            Token::End => finish(&mut command, &mut commands),
            Token::Open if command.words.is_empty() || open.len() >= DEPTH => {}
            Token::Open => open.push((std::mem::take(&mut command), std::mem::take(&mut commands))),
            Token::Close => {
                finish(&mut command, &mut commands);
                if let Some((owner, outer)) = open.pop() {
                    let block = std::mem::replace(&mut commands, outer);
                    commands.push(Command { block, ..owner });
                }
            }
        }
    }
    finish(&mut command, &mut commands);
    while let Some((owner, outer)) = open.pop() {
        let block = std::mem::replace(&mut commands, outer);
        commands.push(Command { block, ..owner });
    }
    commands
}

fn is_keyword(word: &Word) -> bool {
    matches!(word.as_slice(), [Piece::Text(text)] if matches!(text.as_str(), "then" | "else" | "do"))
}

fn finish(command: &mut Command, commands: &mut Vec<Command>) {
    if !command.words.is_empty() {
        commands.push(std::mem::take(command));
    }
}

enum Token {
    Word(Word),
    /// A newline or `;`.
    End,
    Open,
    Close,
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    fn token(&mut self) -> Option<Token> {
        loop {
            match *self.rest.peek()? {
                ' ' | '\t' | '\r' => {
                    self.next();
                }
                '#' => while self.rest.next_if(|next| *next != '\n').is_some() {},
                '\n' | ';' | '&' | '|' => {
                    // The line number is read at the next word.
                    self.next();
                    return Some(Token::End);
                }
                '{' => {
                    self.next();
                    return Some(Token::Open);
                }
                '}' => {
                    self.next();
                    return Some(Token::Close);
                }
                _ => {
                    let word = self.word();
                    // A backslash and a newline alone are not a word.
                    if !word.is_empty() {
                        return Some(Token::Word(word));
                    }
                }
            }
        }
    }

    fn word(&mut self) -> Word {
        let mut word = Vec::new();
        let mut text = String::new();
        let mut some = false;
        while let Some(next) = self.rest.peek().copied() {
            match next {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '{' | '}' => break,
                '\'' => {
                    self.next();
                    some = true;
                    while let Some(inner) = self.next().filter(|inner| *inner != '\'') {
                        text.push(inner);
                    }
                }
                '"' => {
                    self.next();
                    some = true;
                    self.double_quoted(&mut word, &mut text);
                }
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') | None => {}
                        Some(escaped) => text.push(escaped),
                    }
                }
                '$' => self.variable(&mut word, &mut text),
                _ => text.extend(self.next()),
            }
        }
        if !text.is_empty() || (some && word.is_empty()) {
            word.push(Piece::Text(text));
        }
        word
    }

    fn double_quoted(&mut self, word: &mut Word, text: &mut String) {
        while let Some(next) = self.rest.peek().copied() {
            match next {
                '"' => {
                    self.next();
                    return;
                }
                '$' => self.variable(word, text),
                '\\' => {
                    self.next();
                    match self.next() {
                        Some(escaped @ ('"' | '$' | '\\')) => text.push(escaped),
                        Some('\n') | None => {}
                        Some(other) => text.extend(['\\', other]),
                    }
                }
                _ => text.extend(self.next()),
            }
        }
    }

    /// `$name` or `${name}`. A `$` without a name stands for itself.
    fn variable(&mut self, word: &mut Word, text: &mut String) {
        self.next();
        let braced = self.rest.next_if_eq(&'{').is_some();
        let mut name = String::new();
        let of_name = |next: &char| next.is_ascii_alphanumeric() || matches!(next, '_' | '?' | '@');
        while let Some(next) = self.rest.next_if(of_name) {
            name.push(next);
        }
        if braced {
            self.rest.next_if_eq(&'}');
        }
        if name.is_empty() {
            text.push('$');
            return;
        }
        if !text.is_empty() {
            word.push(Piece::Text(std::mem::take(text)));
        }
        word.push(Piece::Variable(name));
    }
}

/// The values of variables. None for a variable that is set to different values.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables(BTreeMap<String, Option<String>>);

impl Variables {
    /// Sets a variable finally: [`Variables::learn`] does not change it.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), Some(value.to_owned()));
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }

    /// Learns every `set name=value` of the commands, but not of their blocks. A variable from the
    /// environment block keeps its value: grub-mkconfig writes its fallbacks after a test of that
    /// variable.
    pub(super) fn learn(&mut self, commands: &[Command]) {
        let block: BTreeSet<String> = self.0.keys().cloned().collect();
        self.take(commands, |name| !block.contains(name));
    }

    /// The variables inside a block. Its own assignments count.
    pub(super) fn inside(&self, block: &[Command]) -> Self {
        let mut inside = self.clone();
        inside.take(block, |_| true);
        inside
    }

    fn take(&mut self, commands: &[Command], wanted: impl Fn(&str) -> bool) {
        let mut taken = BTreeSet::new();
        for command in commands {
            let Some((name, value)) = self.assignment(command) else { continue };
            if !wanted(&name) {
                continue;
            }
            // Set again to another value, for example in branches of an `if`. Either is possible.
            let again = !taken.insert(name.clone());
            let differs = again && self.get(&name) != Some(value.as_str());
            self.0.insert(name, (!differs).then_some(value));
        }
    }

    /// `set name=value`, or `name=value`.
    pub(super) fn assignment(&self, command: &Command) -> Option<(String, String)> {
        let word = match command.words.as_slice() {
            [word] => word,
            [set, word, ..] if self.expand(set) == "set" => word,
            _ => return None,
        };
        let Piece::Text(first) = word.first()? else { return None };
        let (name, rest) = first.split_once('=')?;
        let mut value = vec![Piece::Text(rest.to_owned())];
        value.extend_from_slice(&word[1..]);
        Some((name.to_owned(), self.expand(&value)))
    }

    /// The text of a word. A variable that is never set is empty, as in GRUB. A variable that may have
    /// several values stays as `$name`.
    pub(super) fn expand(&self, word: &Word) -> String {
        word.iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Variable(name) => match self.0.get(name) {
                    Some(Some(value)) => value.clone(),
                    Some(None) => format!("${name}"),
                    None => String::new(),
                },
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(usize, Vec<String>, usize)> {
        let mut variables = Variables::default();
        let commands = parse(text);
        variables.learn(&commands);
        commands
            .iter()
            .map(|command| {
                let words = command.words.iter().map(|word| variables.expand(word)).collect();
                (command.line, words, command.block.len())
            })
            .collect()
    }

    #[test]
    fn words_quotes_variables_and_blocks() {
        let text = "# a comment { \nset a=\"x y\"; b=z\nmenuentry 'it''s' --id \"q\\\"$a\" {\n\
                    \tlinux /k r=\\\n1 ${a}$b # no comment\n}\necho $unset a#b ''\n";
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(
            shown(text),
            [
                (2, words(&["set", "a=x y"]), 0),
                (2, words(&["b=z"]), 0),
                (3, words(&["menuentry", "its", "--id", "q\"x y"]), 1),
                (7, words(&["echo", "", "a#b", ""]), 0),
            ]
        );
        let mut variables = Variables::default();
        variables.set("kept", "block");
        variables.learn(&parse("set kept=file\nset own=1\nx {\nset own=2\nset other=$own\n}"));
        let get = |variables: &Variables, name: &str| variables.get(name).map(str::to_owned);
        assert_eq!(get(&variables, "kept").as_deref(), Some("block"));
        assert_eq!(get(&variables, "own").as_deref(), Some("1"));
        let inside = variables.inside(&parse("set own=2; set other=$own"));
        assert_eq!(get(&inside, "other").as_deref(), Some("2"));
        let inner = &parse(text)[2].block[0];
        assert_eq!((inner.line, inner.words.len()), (4, 4));
    }

    #[test]
    fn two_values_are_none() {
        let text = "if x; then set a=1; else set a=2; fi\necho $a";
        assert_eq!(shown(text).last().unwrap().1[1], "$a");
    }

    #[test]
    fn what_is_no_script_is_read_as_far_as_it_goes() {
        for text in ["}}} x {", "'", "\"$", "${", "\\", "menuentry {", &"a {".repeat(100_000)] {
            parse(text);
        }
    }
}
