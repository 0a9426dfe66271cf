//! hosts(5): an address, and the names of the host that has it.

use std::ops::Range;

use crate::host::found::Found;
use crate::host::names::{HostNames, Verdict};
use crate::rewrite::edit::Findings;
use crate::rewrite::fields::fields;
use crate::rewrite::lines::lines;

/// The address of the host's own name on Debian (Debian Reference, 5.1.1).
const OWN: &[u8] = b"127.0.1.1";

/// Every line that names the host. If a line has the short name only beside a full name of another domain, it may be
/// another host's. The short name stays then, and is shown.
pub fn rewrite(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    for (address, aliases) in entries(text) {
        let has_short = aliases.iter().any(|name| names.is_short(&text[name.clone()]));
        let is_own = address == OWN
            || has_short && (is_loopback(address) || names.old_name().domain().is_none());
        let is_ours = |name: &Range<usize>| match judged(names, &text[name.clone()], is_own) {
            Verdict::Ours(_) => !names.is_short(&text[name.clone()]),
            _ => false,
        };
        let is_other = |name: &Range<usize>| {
            matches!(judged(names, &text[name.clone()], is_own), Verdict::Unsure(_))
        };
        let may_be_another =
            !is_own && aliases.iter().any(is_other) && !aliases.iter().any(is_ours);
        for name in aliases {
            if may_be_another && names.is_short(&text[name.clone()]) {
                found.leave(name, ANOTHER);
            } else if is_own {
                found.own(name);
            } else {
                found.token(name);
            }
        }
    }
    found.done()
}

/// What is reported about the short name on another host's line.
const ANOTHER: &str = "is beside a full name that is not this host's";

fn judged(names: &HostNames, token: &[u8], is_own: bool) -> Verdict {
    if is_own { names.judge_own(token) } else { names.judge(token) }
}

fn is_loopback(address: &[u8]) -> bool {
    address.starts_with(b"127.") || address == b"::1"
}

/// Each line's address, and the positions of its names.
fn entries(text: &[u8]) -> impl Iterator<Item = (&[u8], Vec<Range<usize>>)> {
    lines(text).filter_map(|line| {
        let comment = text[line.clone()].iter().position(|byte| *byte == b'#');
        let end = comment.map_or(line.end, |at| line.start + at);
        let mut fields = fields(text, line.start..end);
        if fields.is_empty() {
            return None;
        }
        let address = fields.remove(0);
        Some((&text[address], fields))
    })
}

/// The domain of a host according to its hosts file. It is the domain of `SHORT.domain` on the line of 127.0.1.1, or
/// else on a line that also has the short name.
pub fn domain_of(short: &str, text: &[u8]) -> Option<String> {
    let is_short = |name: &Range<usize>| text[name.clone()].eq_ignore_ascii_case(short.as_bytes());
    let domain = |name: &Range<usize>| {
        let name = std::str::from_utf8(&text[name.clone()]).ok()?;
        let (first, domain) = name.split_once('.')?;
        (first.eq_ignore_ascii_case(short) && domain != "localdomain").then(|| domain.to_owned())
    };
    let on_own = entries(text)
        .filter(|(address, _)| *address == OWN)
        .find_map(|(_, names)| names.iter().find_map(domain));
    on_own.or_else(|| {
        entries(text)
            .filter(|(_, names)| names.iter().any(is_short))
            .find_map(|(_, names)| names.iter().find_map(domain))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::{after, check, names};

    #[test]
    fn lines_that_name_the_host() {
        for (before, behind) in [
            ("127.0.1.1\ttmpl.example.org tmpl\r\n", "127.0.1.1\tweb01.example.org web01\r\n"),
            ("127.0.0.1 localhost TMPL # tmpl", "127.0.0.1 localhost web01 # tmpl"),
            ("::1 tmpl.localdomain tmpl", "::1 web01.localdomain web01"),
            ("192.0.2.10 tmpl.example.org tmpl", "192.0.2.10 web01.example.org web01"),
            ("192.0.2.10 tmpl", "192.0.2.10 web01"),
            ("192.0.2.11 tmpl2 my-tmpl tmpl-db", "192.0.2.11 tmpl2 my-tmpl tmpl-db"),
            ("192.0.2.12 tmpl.other.org tmpl", "192.0.2.12 tmpl.other.org tmpl"),
            ("#127.0.1.1 tmpl\ntmpl", "#127.0.1.1 tmpl\ntmpl"),
        ] {
            check(rewrite, before, behind);
        }
    }

    #[test]
    fn a_domain_that_is_not_known() {
        let names = names("tmpl", "web01");
        for (before, behind, count) in [
            ("127.0.1.1 tmpl.example.org", "127.0.1.1 web01.example.org", 0),
            ("192.0.2.10 tmpl.example.org tmpl", "192.0.2.10 web01.example.org web01", 0),
            ("192.0.2.10 tmpl.example.org", "192.0.2.10 tmpl.example.org", 1),
        ] {
            let (text, left) = after(&names, rewrite, before);
            assert_eq!((text.as_str(), left.len()), (behind, count), "{before}");
        }
    }

    #[test]
    fn the_domain_by_the_file() {
        for (text, domain) in [
            ("127.0.0.1 localhost\n127.0.1.1 tmpl.example.org tmpl\n", Some("example.org")),
            ("10.0.0.1 tmpl.b tmpl\n127.0.1.1 tmpl.a", Some("a")),
            ("10.0.0.1 tmpl.example.org tmpl", Some("example.org")),
            ("10.0.0.1 tmpl.example.org", None),
            ("127.0.0.1 tmpl.localdomain tmpl", None),
        ] {
            assert_eq!(domain_of("tmpl", text.as_bytes()).as_deref(), domain, "{text}");
        }
    }
}
