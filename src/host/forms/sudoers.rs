//! sudoers(5): the hosts of user specifications, of `Host_Alias` and of `Defaults@`.

use std::ops::Range;

use crate::host::found::Found;
use crate::host::names::{HostNames, Verdict};
use crate::rewrite::edit::Findings;
use crate::rewrite::lines::lines;

/// What is reported about a name in upper case, because aliases are written in upper case.
const ALIAS: &str = "may be an alias, because it is in upper case,";

/// A word or a punctuation byte of a logical line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(Range<usize>),
    Mark(u8),
}

/// Rewrites hosts, in lists or alone. Users, commands and aliases stay, whatever their names.
pub fn rewrite(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    for line in logical_lines(text) {
        for host in hosts(text, &tokens(text, line)) {
            let word = &text[host.clone()];
            let is_upper = word.first().is_some_and(u8::is_ascii_uppercase)
                && !word.iter().any(|byte| byte.is_ascii_lowercase() || *byte == b'.');
            if !is_upper {
                found.token(host);
            } else if matches!(names.judge(word), Verdict::Ours(_)) {
                found.leave(host, ALIAS);
            }
        }
    }
    found.done()
}

/// Lines without comments. A line that ends with a backslash is joined with the next.
fn logical_lines(text: &[u8]) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    let mut continues = false;
    for line in lines(text) {
        let bytes = &text[line.clone()];
        let comment = comment(bytes);
        let end = line.start + comment.unwrap_or(bytes.len());
        match all.last_mut() {
            Some(last) if continues => last.end = end,
            _ => all.push(line.start..end),
        }
        continues = comment.is_none() && bytes.trim_ascii_end().ends_with(b"\\");
    }
    all
}

/// Where a comment begins. Before a digit, `#` begins the number of a user or a group.
fn comment(line: &[u8]) -> Option<usize> {
    let mut in_quotes = false;
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b'\\' => at += 1,
            b'"' => in_quotes = !in_quotes,
            b'#' if !in_quotes && !line.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                return Some(at);
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn tokens(text: &[u8], line: Range<usize>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = line.start;
    while at < line.end {
        match text[at] {
            byte if byte.is_ascii_whitespace() => at += 1,
            b'\\' if continues_at(text, at, line.end) => at += 1,
            mark @ (b',' | b'=' | b':' | b'!' | b'(' | b')') => {
                tokens.push(Token::Mark(mark));
                at += 1;
            }
            _ => {
                let end = word_end(text, at, line.end);
                tokens.push(Token::Word(at..end));
                at = end;
            }
        }
    }
    tokens
}

/// Whether a backslash continues its line.
fn continues_at(text: &[u8], at: usize, end: usize) -> bool {
    matches!(text[at + 1..end].first(), None | Some(b'\n' | b'\r'))
}

/// Where a word ends. Characters after a backslash or in quotes are part of it.
fn word_end(text: &[u8], start: usize, end: usize) -> usize {
    let mut in_quotes = false;
    let mut at = start;
    while at < end {
        match text[at] {
            b'\\' if continues_at(text, at, end) => return at,
            b'\\' => at += 1,
            b'"' => in_quotes = !in_quotes,
            b',' | b'=' | b':' | b'!' | b'(' | b')' if !in_quotes => return at,
            byte if byte.is_ascii_whitespace() && !in_quotes => return at,
            _ => {}
        }
        at += 1;
    }
    at.min(end)
}

/// The words of a logical line that are hosts.
fn hosts(text: &[u8], tokens: &[Token]) -> Vec<Range<usize>> {
    let Some(Token::Word(first)) = tokens.first() else { return Vec::new() };
    match &text[first.clone()] {
        b"Host_Alias" => members(&tokens[1..]),
        b"User_Alias" | b"Runas_Alias" | b"Cmnd_Alias" | b"Cmd_Alias" => Vec::new(),
        word if word.starts_with(b"@include") => Vec::new(),
        word if word.starts_with(b"Defaults@") => {
            let host = first.start + b"Defaults@".len()..first.end;
            let mut hosts = Vec::from([host]);
            let mut rest = &tokens[1..];
            while let [Token::Mark(b','), Token::Word(host), more @ ..] = rest {
                hosts.push(host.clone());
                rest = more;
            }
            hosts
        }
        word if word.starts_with(b"Defaults") => Vec::new(),
        _ => specified(tokens),
    }
}

/// The words after `NAME =`, without the names.
fn members(tokens: &[Token]) -> Vec<Range<usize>> {
    let is_name = |at: usize| tokens.get(at + 1) == Some(&Token::Mark(b'='));
    let words = tokens.iter().enumerate().filter(|(at, _)| !is_name(*at));
    words
        .filter_map(|(_, token)| match token {
            Token::Word(word) => Some(word.clone()),
            Token::Mark(_) => None,
        })
        .collect()
}

/// The hosts of `users HOSTS = commands : HOSTS = commands`: the list before an equals sign and after the users or a
/// colon.
fn specified(tokens: &[Token]) -> Vec<Range<usize>> {
    let mut hosts = Vec::new();
    let mut is_first = true;
    for (at, token) in tokens.iter().enumerate() {
        if *token != Token::Mark(b'=') {
            continue;
        }
        let (list, before) = list_before(tokens, at);
        let fits = match before {
            Some(Token::Word(_)) => is_first,
            Some(Token::Mark(mark)) => *mark == b':' && !is_first,
            None => false,
        };
        is_first = false;
        if fits {
            hosts.extend(list);
        }
    }
    hosts.sort_by_key(|host| host.start);
    hosts
}

/// The words with commas between them that end before a token, and the token before them.
fn list_before(tokens: &[Token], end: usize) -> (Vec<Range<usize>>, Option<&Token>) {
    let mut list = Vec::new();
    let mut at = end;
    while let Some(Token::Word(word)) = at.checked_sub(1).and_then(|before| tokens.get(before)) {
        list.push(word.clone());
        at -= 1;
        while at > 0 && tokens[at - 1] == Token::Mark(b'!') {
            at -= 1;
        }
        if at == 0 || tokens[at - 1] != Token::Mark(b',') {
            break;
        }
        at -= 1;
    }
    (list, at.checked_sub(1).and_then(|before| tokens.get(before)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::{after, check, names};

    #[test]
    fn hosts_change_and_nothing_else() {
        for (before, behind) in [
            ("tmpl tmpl = (tmpl) /bin/tmpl tmpl\n", "tmpl web01 = (tmpl) /bin/tmpl tmpl\n"),
            ("%tmpl ALL=(ALL:ALL) tmpl", "%tmpl ALL=(ALL:ALL) tmpl"),
            (
                "a, tmpl x,!tmpl , tmpl.example.org=NOPASSWD: ALL",
                "a, tmpl x,!web01 , web01.example.org=NOPASSWD: ALL",
            ),
            ("a x = /b : tmpl = NOPASSWD: /c tmpl", "a x = /b : web01 = NOPASSWD: /c tmpl"),
            ("a \\\n  tmpl \\\r\n = /b tmpl # tmpl", "a \\\n  web01 \\\r\n = /b tmpl # tmpl"),
            ("#1000 tmpl = ALL", "#1000 web01 = ALL"),
            ("# a tmpl = ALL \\\na tmpl = ALL", "# a tmpl = ALL \\\na web01 = ALL"),
            (
                "Host_Alias T = tmpl, ::1, tmpl2 : U = tmpl.example.org",
                "Host_Alias T = web01, ::1, tmpl2 : U = web01.example.org",
            ),
            ("User_Alias T = tmpl", "User_Alias T = tmpl"),
            ("Defaults@tmpl,tmpl env_reset", "Defaults@web01,web01 env_reset"),
            ("Defaults tmpl = tmpl", "Defaults tmpl = tmpl"),
            ("a ALL = /b --host\\=tmpl, tmpl = c", "a ALL = /b --host\\=tmpl, tmpl = c"),
            ("tmpl = ALL", "tmpl = ALL"),
            ("\"tmpl x\" tmpl = ALL", "\"tmpl x\" web01 = ALL"),
            ("@include tmpl = x", "@include tmpl = x"),
            ("a tmpl* = ALL \\", "a tmpl* = ALL \\"),
        ] {
            check(rewrite, before, behind);
        }
    }

    #[test]
    fn an_alias_is_shown() {
        let names = names("mail.example.org", "web01");
        let text = "Host_Alias MAIL = mail\nmail MAIL = ALL\n";
        let (behind, left) = after(&names, rewrite, text);
        assert_eq!(behind, "Host_Alias MAIL = web01\nmail MAIL = ALL\n");
        assert_eq!(left, ["MAIL"]);
    }
}
