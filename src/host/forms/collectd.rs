//! collectd.conf(5): the global `Hostname`.

use crate::host::found::Found;
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;
use crate::rewrite::keyed;
use crate::rewrite::lines::lines;

/// `Hostname` outside all blocks. Plugins use options of that name for other hosts.
pub fn rewrite(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    let mut depth = 0_usize;
    for line in lines(text) {
        let bytes = text[line.clone()].trim_ascii_start();
        if bytes.starts_with(b"</") {
            depth = depth.saturating_sub(1);
        } else if bytes.starts_with(b"<") {
            depth += 1;
        } else if depth == 0 {
            match keyed::setting(text, line) {
                Some((key, value)) if key.eq_ignore_ascii_case("Hostname") => found.token(value),
                _ => {}
            }
        }
    }
    found.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::check;

    #[test]
    fn the_global_name_alone() {
        check(
            rewrite,
            "Hostname \"tmpl\"\n<Plugin x>\n  Hostname \"tmpl\"\n</Plugin>\n#Hostname tmpl\nhostname tmpl.example.org\n",
            "Hostname \"web01\"\n<Plugin x>\n  Hostname \"tmpl\"\n</Plugin>\n#Hostname tmpl\nhostname web01.example.org\n",
        );
    }
}
