//! Files that contain only a name: /etc/hostname, /etc/mailname, Salt's minion_id.

use crate::host::found::Found;
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;
use crate::rewrite::lines::{lines, trimmed};

/// hostname(5): the first line that is neither empty nor a comment. It is this host's name, even if no domain is
/// known.
pub fn hostname(names: &HostNames, text: &[u8]) -> Findings {
    one(names, text, true)
}

/// /etc/mailname: the host's full name, or a domain, which stays (Debian Policy, 11.6).
pub fn mailname(names: &HostNames, text: &[u8]) -> Findings {
    one(names, text, true)
}

/// A file whose one name may be any host's: Salt's minion_id, nullmailer's `me`.
pub fn exact(names: &HostNames, text: &[u8]) -> Findings {
    one(names, text, false)
}

fn one(names: &HostNames, text: &[u8], is_own: bool) -> Findings {
    let mut found = Found::new(names, text);
    let line = lines(text)
        .map(|line| trimmed(text, line))
        .find(|line| !line.is_empty() && !text[line.clone()].starts_with(b"#"));
    if let Some(line) = line {
        if is_own {
            found.own(line);
        } else {
            found.token(line);
        }
    }
    found.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::{after, check, names};

    #[test]
    fn the_first_line_counts() {
        check(hostname, "# tmpl\n\n tmpl \r\ntmpl\n", "# tmpl\n\n web01 \r\ntmpl\n");
        check(hostname, "tmpl", "web01");
        check(hostname, "", "");
        check(mailname, "tmpl.example.org\n", "web01.example.org\n");
        check(mailname, "example.org\n", "example.org\n");
        check(exact, "tmpl2\n", "tmpl2\n");
    }

    #[test]
    fn an_unknown_domain_is_the_hosts_own_in_some() {
        let names = names("tmpl", "web01");
        let (text, left) = after(&names, mailname, "tmpl.example.org\n");
        assert_eq!((text.as_str(), left.len()), ("web01.example.org\n", 0));
        let (text, left) = after(&names, exact, "tmpl.example.org\n");
        assert_eq!((text.as_str(), left.len()), ("tmpl.example.org\n", 1));
    }
}
