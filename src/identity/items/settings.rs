//! Settings of configuration files, in the few forms that most programs use.

use crate::guest::host;

/// Names of the loopback interface. They belong to no host.
const LOOPBACK: &[&str] = &[
    "localhost",
    "localhost4",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
    "ipv6-localhost",
    "ipv6-loopback",
    "loopback",
];

/// What separates a key from its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    /// `key = value`. The key may contain spaces.
    Equals,
    /// `key value`.
    Space,
}

/// The values of keys, in upper or lower case, in sections with these names. If no section is named, the values in
/// all sections.
pub(super) fn values(
    text: &str,
    between: Between,
    sections: &[&str],
    keys: &[&str],
) -> Vec<String> {
    let is_one_of = |name: &str, all: &[&str]| all.iter().any(|one| one.eq_ignore_ascii_case(name));
    let mut is_inside = sections.is_empty();
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !is_comment(line)) {
        if let Some(section) = section(line) {
            is_inside = sections.is_empty() || is_one_of(section, sections);
            continue;
        }
        let pair = match between {
            Between::Equals => line.split_once('='),
            Between::Space => line.split_once(char::is_whitespace),
        };
        let Some((key, value)) = pair else { continue };
        if is_inside && is_one_of(key.trim(), keys) {
            found.push(bare(value));
        }
    }
    found.retain(|value| !value.is_empty());
    found
}

/// The scalars of a YAML text, each with the keys that lead to it, outermost first. It understands indentation and
/// flow maps on one line. Settings need no more.
pub(super) fn yaml(text: &str) -> Vec<(Vec<String>, String)> {
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let inner = line.trim_start_matches([' ', '-']);
        if is_comment(inner.trim()) {
            continue;
        }
        let indent = line.len() - inner.len();
        let Some((key, value)) = yaml_pair(inner) else { continue };
        open.retain(|(other, _)| *other < indent);
        open.push((indent, key));
        let path: Vec<String> = open.iter().map(|(_, key)| key.clone()).collect();
        match value.strip_prefix('{') {
            None => found.push((path, bare(value))),
            Some(map) => {
                let map = map.split('}').next().unwrap_or_default();
                found.extend(map.split(',').filter_map(yaml_pair).map(|(key, value)| {
                    (path.iter().cloned().chain([key]).collect(), bare(value))
                }));
            }
        }
    }
    found.retain(|(_, value)| !value.is_empty());
    found
}

/// A key, and the text after its colon. A blank or the end of the line must follow the colon.
fn yaml_pair(text: &str) -> Option<(String, &str)> {
    let (key, value) = text.split_once(':')?;
    let is_pair = value.is_empty() || value.starts_with(char::is_whitespace);
    is_pair.then(|| (bare(key), value.trim()))
}

/// A value without its quotes, or without the comment and the semicolon after it.
pub(super) fn bare(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return quoted.split(quote).next().unwrap_or_default().trim().to_owned();
        }
    }
    if value.starts_with('#') {
        return String::new();
    }
    let value = value.split(" #").next().unwrap_or_default();
    let value = value.split("\t#").next().unwrap_or_default();
    value.trim().trim_end_matches(';').trim_end().to_owned()
}

/// Whether a line is empty or begins with `#`, `;` or `//`.
pub(super) fn is_comment(line: &str) -> bool {
    line.is_empty() || line.starts_with(['#', ';']) || line.starts_with("//")
}

/// The name between brackets. `[[runners]]` has two pairs of them.
fn section(line: &str) -> Option<&str> {
    let name = line.strip_prefix('[')?.split(']').next()?;
    Some(name.trim_start_matches('[').trim())
}

/// A host's name in lower case, if the text can be one and is not a name of the loopback interface.
pub(super) fn host_name(text: &str) -> Option<String> {
    let name = text.trim().trim_end_matches('.').to_lowercase();
    let short = host::short(&name)?;
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let is_address = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_one = !LOOPBACK.contains(&short) && !is_address && name.split('.').all(is_label);
    is_one.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_compared_whole_and_comments_are_passed_over() {
        let text =
            "# name = a\n;name = b\nname_x = c\n NAME = \"d\" # e\nname=f ; \nname =\n//name=g";
        assert_eq!(values(text, Between::Equals, &[], &["name"]), ["d", "f"]);
        assert_eq!(
            values("name \"a b\"\nnames c\nname\td", Between::Space, &[], &["name"]),
            ["a b", "d"]
        );
    }

    #[test]
    fn a_section_ends_at_the_next() {
        let text = "key=a\n[One]\nkey=b\n[[two]]\nkey=c\n[three]\nkey=d\n";
        assert_eq!(values(text, Between::Equals, &["one", "two"], &["key"]), ["b", "c"]);
        assert_eq!(values(text, Between::Equals, &[], &["key"]).len(), 4);
    }

    #[test]
    fn yaml_has_the_keys_above() {
        let text = "a:\n  b: {c: 'x', d: y}\n  # e: no\nl:\n- f: z # why\n  k: v\ng: \"w\"\nh: http://i\nj:k\n";
        let found: Vec<_> = yaml(text)
            .into_iter()
            .map(|(keys, value)| format!("{}={value}", keys.join(".")))
            .collect();
        assert_eq!(found, ["a.b.c=x", "a.b.d=y", "l.f=z", "l.k=v", "g=w", "h=http://i"]);
    }

    #[test]
    fn what_means_the_machine_itself_is_no_name() {
        for text in
            ["localhost", "LOCALHOST.localdomain", "localhost4.localdomain4", "ip6-loopback"]
        {
            assert_eq!(host_name(text), None, "{text}");
        }
        for text in ["$myhostname", "127.0.0.1", "a b", "a..b", "gethostname()", "", "w\u{fc}rfel"]
        {
            assert_eq!(host_name(text), None, "{text}");
        }
        assert_eq!(host_name(" Tmpl.Example.org.\n").as_deref(), Some("tmpl.example.org"));
        assert_eq!(host_name("localhostess").as_deref(), Some("localhostess"));
    }
}
