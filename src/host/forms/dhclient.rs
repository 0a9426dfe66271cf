//! dhclient.conf(5): the name that is sent to the DHCP server, or that replaces the server's answer.

use super::statements::{Word, statements};
use crate::host::found::Found;
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;

/// Verbs that give an option a value.
const VERBS: &[&[u8]] = &[b"send", b"supersede", b"default"];

/// Options whose value is the host's name (dhcp-options(5)).
const OPTIONS: &[&[u8]] = &[b"host-name", b"fqdn.fqdn", b"fqdn.hostname"];

/// Strings at these options. An expression (`gethostname()`) contains no name.
pub fn rewrite(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    for statement in statements(text) {
        let word = |word: &Word| &text[word.range.clone()];
        let value = match statement.as_slice() {
            [verb, option, value] if is_name(word(verb), word(option)) => value,
            [verb, option, equals, value]
                if is_name(word(verb), word(option)) && word(equals) == b"=" =>
            {
                value
            }
            _ => continue,
        };
        if value.is_quoted {
            found.token(value.range.clone());
        }
    }
    found.done()
}

fn is_name(verb: &[u8], option: &[u8]) -> bool {
    VERBS.contains(&verb) && OPTIONS.contains(&option)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::check;

    #[test]
    fn names_that_are_sent() {
        check(
            rewrite,
            "#send host-name \"tmpl\";\nsend host-name \"tmpl\";\ninterface \"tmpl\" { send fqdn.fqdn \"tmpl.example.org.\"; supersede host-name = \"tmpl\"; }\nsend dhcp-client-identifier \"tmpl\"; send host-name = gethostname();\n",
            "#send host-name \"tmpl\";\nsend host-name \"web01\";\ninterface \"tmpl\" { send fqdn.fqdn \"web01.example.org.\"; supersede host-name = \"web01\"; }\nsend dhcp-client-identifier \"tmpl\"; send host-name = gethostname();\n",
        );
    }
}
