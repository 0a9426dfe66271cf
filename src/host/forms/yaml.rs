//! YAML of netplan, cloud-init and Salt. It is read line by line, so block scalars look like mappings.

use std::ops::Range;

use crate::host::found::Found;
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;
use crate::rewrite::keyed;
use crate::rewrite::lines::lines;

/// netplan-yaml(5): `hostname` of `dhcp4-overrides` and `dhcp6-overrides`, in a block or in braces.
pub fn netplan(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    for line in lines(text) {
        for part in parts(text, line) {
            if let Some(("hostname", value)) = keyed::setting(text, part) {
                found.token(value);
            }
        }
    }
    found.done()
}

/// cloud-init, modules `set_hostname` and `update_etc_hosts`, and NoCloud's meta-data: top-level keys. Deeper keys
/// belong to files that cloud-init writes, and to users.
pub fn cloud_init(names: &HostNames, text: &[u8]) -> Findings {
    top(names, text, &["hostname", "fqdn", "local-hostname"])
}

/// Salt's minion configuration: `id`. `master` is another host.
pub fn salt(names: &HostNames, text: &[u8]) -> Findings {
    top(names, text, &["id"])
}

/// Keys in the first column.
fn top(names: &HostNames, text: &[u8], keys: &[&str]) -> Findings {
    let mut found = Found::new(names, text);
    for line in lines(text) {
        if !text[line.clone()].first().is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        match keyed::setting(text, line) {
            Some((key, value)) if keys.contains(&key) => found.token(value),
            _ => {}
        }
    }
    found.done()
}

/// A line without its comment, split at braces and at the commas in them.
fn parts(text: &[u8], line: Range<usize>) -> Vec<Range<usize>> {
    let bytes = &text[line.clone()];
    let is_comment =
        |at: usize| bytes[at] == b'#' && (at == 0 || matches!(bytes[at - 1], b' ' | b'\t'));
    let end = (0..bytes.len()).find(|at| is_comment(*at)).unwrap_or(bytes.len());
    let brace = bytes[..end].iter().position(|byte| *byte == b'{').unwrap_or(end);
    let before = line.start..line.start + brace;
    let mut parts = Vec::from([before]);
    let mut at = line.start + brace;
    for part in bytes[brace..end].split(|byte| matches!(byte, b'{' | b'}' | b',')) {
        parts.push(at..at + part.len());
        at += part.len() + 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::check;

    #[test]
    fn keys_where_they_belong() {
        check(
            netplan,
            "network:\n  ethernets:\n    tmpl:\n      dhcp4-overrides:\n        hostname: tmpl # hostname: tmpl\n      dhcp6-overrides: {use-dns: no, hostname: \"tmpl\"}\n      # {hostname: tmpl}\n",
            "network:\n  ethernets:\n    tmpl:\n      dhcp4-overrides:\n        hostname: web01 # hostname: tmpl\n      dhcp6-overrides: {use-dns: no, hostname: \"web01\"}\n      # {hostname: tmpl}\n",
        );
        check(
            cloud_init,
            "hostname: tmpl\nfqdn: 'tmpl.example.org'\nlocal-hostname: tmpl\nwrite_files:\n  - content: |\n      hostname: tmpl\nprefer: tmpl\n",
            "hostname: web01\nfqdn: 'web01.example.org'\nlocal-hostname: web01\nwrite_files:\n  - content: |\n      hostname: tmpl\nprefer: tmpl\n",
        );
        check(salt, "id: tmpl\nmaster: tmpl\n#id: tmpl\n", "id: web01\nmaster: tmpl\n#id: tmpl\n");
        check(netplan, "{", "{");
    }
}
