//! smb.conf(5): `netbios name` and `netbios aliases`.

use std::ops::Range;

use crate::host::found::{Found, words};
use crate::host::names::{HostNames, Verdict};
use crate::rewrite::edit::Findings;
use crate::rewrite::lines::lines;

/// The longest NetBIOS name (smb.conf(5), `netbios name`).
const MAX_NETBIOS: usize = 15;

/// What is reported if the new name cannot be a NetBIOS name.
const TOO_LONG: &str = "would become longer than 15 characters, the limit of NetBIOS,";

/// A name in upper case stays in upper case, as NetBIOS names are written. `workgroup` and `server string` stay.
pub fn rewrite(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    for line in lines(text) {
        let bytes = &text[line.clone()];
        let Some(equals) = bytes.iter().position(|byte| *byte == b'=') else { continue };
        if is_own(&bytes[..equals]) {
            for word in words(text, line.start + equals + 1..line.end, b",\"") {
                name(&mut found, names, text, word);
            }
        }
    }
    found.done()
}

/// Case and blanks in a parameter's name do not matter.
fn is_own(key: &[u8]) -> bool {
    let key: Vec<u8> =
        key.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_lowercase).collect();
    matches!(key.as_slice(), b"netbiosname" | b"netbiosaliases")
}

fn name(found: &mut Found<'_>, names: &HostNames, text: &[u8], word: Range<usize>) {
    let bytes = &text[word.clone()];
    if !names.is_short(bytes) {
        return;
    }
    let Verdict::Ours(mut hit) = names.judge(bytes) else { return };
    if hit.new.len() > MAX_NETBIOS {
        found.leave(word, TOO_LONG);
        return;
    }
    let is_upper =
        bytes.iter().any(u8::is_ascii_uppercase) && !bytes.iter().any(u8::is_ascii_lowercase);
    if is_upper {
        hit.new = hit.new.to_uppercase();
    }
    found.record(word, Verdict::Ours(hit));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::{after, check, names};

    #[test]
    fn netbios_names_keep_their_case() {
        check(
            rewrite,
            "[global]\n workgroup = TMPL\n netbios name = TMPL\n NetBIOSName=tmpl\r\n server string = tmpl\n netbios aliases = files TMPL tmpl2\n; netbios name = tmpl\n",
            "[global]\n workgroup = TMPL\n netbios name = WEB01\n NetBIOSName=web01\r\n server string = tmpl\n netbios aliases = files WEB01 tmpl2\n; netbios name = tmpl\n",
        );
    }

    #[test]
    fn what_is_too_long_is_shown() {
        let names = names("tmpl", "a-rather-long-name");
        let (text, left) = after(&names, rewrite, "netbios name = TMPL\n");
        assert_eq!((text.as_str(), left), ("netbios name = TMPL\n", vec!["TMPL".to_owned()]));
    }
}
