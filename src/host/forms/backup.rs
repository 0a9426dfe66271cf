//! Bacula and Bareos: resources that are named after the host.

use crate::host::found::Found;
use crate::host::names::{HostNames, Verdict};
use crate::rewrite::edit::Findings;
use crate::rewrite::keyed;
use crate::rewrite::lines::lines;

/// What Debian appends to the host's name.
const SUFFIXES: [&[u8]; 5] = [b"-fd", b"-dir", b"-sd", b"-mon", b""];

/// What is reported about such a name.
const NAMED_AFTER: &str = "is named after the host";

/// The values of `Name` that are the host's name with a suffix. None of them changes, because a director knows them,
/// too.
pub fn rewrite(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    for line in lines(text) {
        let Some((key, value)) = keyed::setting(text, line) else { continue };
        let name = &text[value.clone()];
        let is_ours = SUFFIXES
            .iter()
            .filter_map(|suffix| name.strip_suffix(*suffix))
            .any(|name| matches!(names.judge(name), Verdict::Ours(_)));
        if key.eq_ignore_ascii_case("Name") && is_ours {
            found.leave(value, NAMED_AFTER);
        }
    }
    found.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::{after, names};

    #[test]
    fn names_with_a_suffix_are_shown() {
        let names = names("tmpl.example.org", "web01");
        let text = "FileDaemon {\n  Name = tmpl-fd\n}\nDirector { \n  Name = backup-dir\n}\n# Name = tmpl-fd\n  Name = tmpl-db-fd\n";
        let (same, left) = after(&names, rewrite, text);
        assert_eq!((same.as_str(), left), (text, vec!["tmpl-fd".to_owned()]));
    }
}
