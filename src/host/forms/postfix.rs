//! postconf(5): main.cf.

use std::ops::Range;

use crate::host::found::Found;
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;
use crate::rewrite::lines::{lines, trimmed};

/// Parameters with the host's own names. `mydomain`, `relayhost`, `mynetworks` and banners contain other names.
const PARAMETERS: &[&[u8]] =
    &[b"myhostname", b"mydestination", b"myorigin", b"smtp_helo_name", b"lmtp_lhlo_name"];

/// How a value refers to the domain in the parameter `mydomain`.
const MY_DOMAIN: [&[u8]; 3] = [b".$mydomain", b".${mydomain}", b".$(mydomain)"];

/// What is reported about a name before `$mydomain` if the new name has another domain.
const OLD_DOMAIN: &str = "is before $mydomain, which keeps its value,";

/// The words of these parameters, including continued lines.
pub fn rewrite(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    let mut is_own = false;
    for line in lines(text) {
        let bytes = &text[line.clone()];
        // Comments and empty lines do not end a parameter.
        if trimmed(text, line.clone()).is_empty() || bytes.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        let mut value = line.clone();
        if !matches!(bytes[0], b' ' | b'\t') {
            let equals = bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len());
            is_own = PARAMETERS.contains(&bytes[..equals].trim_ascii());
            value.start = (line.start + equals + 1).min(line.end);
        }
        if is_own {
            for word in crate::host::found::words(text, value, b",") {
                word_of_value(&mut found, names, text, word);
            }
        }
    }
    found.done()
}

fn word_of_value(found: &mut Found<'_>, names: &HostNames, text: &[u8], word: Range<usize>) {
    let bytes = &text[word.clone()];
    let short = MY_DOMAIN.iter().find_map(|domain| bytes.strip_suffix(*domain));
    match short.filter(|short| names.is_short(short)) {
        Some(_) if !names.keeps_domain() => found.leave(word, OLD_DOMAIN),
        Some(short) => found.token(word.start..word.start + short.len()),
        None => found.token(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::{after, check, names};

    #[test]
    fn names_of_own_parameters() {
        check(
            rewrite,
            "mydestination = $myhostname, tmpl.example.org,tmpl\n# tmpl\n\n\tlocalhost.example.org, TMPL, tmpl2\nmail_owner = tmpl\n",
            "mydestination = $myhostname, web01.example.org,web01\n# tmpl\n\n\tlocalhost.example.org, web01, tmpl2\nmail_owner = tmpl\n",
        );
        check(
            rewrite,
            "myhostname=tmpl.$mydomain\r\nmyorigin = /etc/tmpl\r\nrelayhost = tmpl\r\n tmpl",
            "myhostname=web01.$mydomain\r\nmyorigin = /etc/tmpl\r\nrelayhost = tmpl\r\n tmpl",
        );
        check(
            rewrite,
            "#myhostname = tmpl\n tmpl\nmyhostname",
            "#myhostname = tmpl\n tmpl\nmyhostname",
        );
    }

    #[test]
    fn another_domain_than_mydomain_is_shown() {
        let names = names("tmpl.example.org", "web02.other.net");
        let (text, left) = after(&names, rewrite, "myhostname = tmpl.${mydomain}\n");
        assert_eq!(text, "myhostname = tmpl.${mydomain}\n");
        assert_eq!(left, ["tmpl.${mydomain}"]);
    }
}
