//! httpd.apache.org, core: `ServerName` and `ServerAlias`.

use std::ops::Range;

use crate::host::found::{Found, words};
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;
use crate::rewrite::lines::lines;

/// The names of both directives, including continued lines. A scheme and a port stay.
pub fn rewrite(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    let mut continues = None;
    for line in lines(text) {
        let mut rest = words(text, line.clone(), b"\"'");
        let is_own = continues.unwrap_or_else(|| {
            rest.first().is_some_and(|directive| is_directive(&text[directive.clone()]))
        });
        if is_own {
            let skipped = usize::from(continues.is_none());
            for word in rest.drain(skipped..) {
                found.token(host(text, word));
            }
        }
        let goes_on = text[line].trim_ascii_end().ends_with(b"\\");
        continues = goes_on.then_some(is_own);
    }
    found.done()
}

fn is_directive(word: &[u8]) -> bool {
    [&b"ServerName"[..], b"ServerAlias"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// The host in `[scheme://]host[:port]`.
fn host(text: &[u8], word: Range<usize>) -> Range<usize> {
    let bytes = &text[word.clone()];
    let scheme = bytes.windows(3).position(|three| three == b"://").map_or(0, |at| at + 3);
    let port = bytes[scheme..].iter().position(|byte| *byte == b':');
    word.start + scheme..port.map_or(word.end, |at| word.start + scheme + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::check;

    #[test]
    fn names_of_virtual_hosts() {
        check(
            rewrite,
            "<VirtualHost tmpl:80>\n  ServerName https://tmpl.example.org:443\n  serveralias tmpl \"tmpl.example.org\" \\\n    tmpl *.tmpl.example.org\n  ServerAdmin tmpl\n  # ServerName tmpl\n  DocumentRoot /srv/tmpl\n",
            "<VirtualHost tmpl:80>\n  ServerName https://web01.example.org:443\n  serveralias web01 \"web01.example.org\" \\\n    web01 *.tmpl.example.org\n  ServerAdmin tmpl\n  # ServerName tmpl\n  DocumentRoot /srv/tmpl\n",
        );
        check(rewrite, "ServerAdmin x \\\n ServerName tmpl", "ServerAdmin x \\\n ServerName tmpl");
    }
}
