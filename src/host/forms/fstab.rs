//! fstab(5): the servers of network file systems. The template itself may be one.

use crate::host::found::Found;
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;
use crate::rewrite::fields::fields;
use crate::rewrite::lines::lines;

/// `HOST:/export` of nfs(5), and `//HOST/share` of mount.cifs(8).
pub fn servers(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    for line in lines(text) {
        let Some(source) = fields(text, line).into_iter().next() else { continue };
        let bytes = &text[source.clone()];
        let (start, end) = match bytes {
            [b'#', ..] => continue,
            [b'/', b'/', rest @ ..] => (2, rest.iter().position(|byte| *byte == b'/')),
            _ => (0, bytes.windows(2).position(|pair| pair == b":/")),
        };
        if let Some(length) = end {
            let start = source.start + start;
            found.token(start..start + length);
        }
    }
    found.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::check;

    #[test]
    fn servers_are_found() {
        check(servers, "tmpl:/srv /srv nfs\n", "web01:/srv /srv nfs\n");
        check(servers, "//TMPL.example.org/x /x cifs", "//web01.example.org/x /x cifs");
        for text in [
            "tmpl2:/srv /tmpl nfs",
            "#tmpl:/srv /srv nfs",
            "# tmpl:/srv /srv nfs",
            "//other/tmpl /x cifs",
            "/dev/tmpl/root / ext4",
            "LABEL=tmpl / ext4",
            "tmpl / nfs",
        ] {
            check(servers, text, text);
        }
    }
}
