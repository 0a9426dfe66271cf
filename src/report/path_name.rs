//! Paths in patches, spelled for patch(1) and git-apply(1).

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `a/etc/fstab` in a header line. A name that would confuse patch(1) is quoted like a C string. A name
/// with a blank is followed by the tab that diff(1) writes before its time stamp.
pub(super) fn in_header(side: &str, path: &Path) -> Vec<u8> {
    let name = with_side(side, path);
    if is_odd(&name) {
        return quoted(&name);
    }
    let tab = if name.contains(&b' ') { &b"\t"[..] } else { b"" };
    [&name, tab].concat()
}

/// `a/etc/fstab` in a `diff --git` line, in which a blank ends a name.
pub(super) fn in_git(side: &str, path: &Path) -> Vec<u8> {
    quoted_where_odd(with_side(side, path))
}

/// `etc/fstab` in a `rename from` line.
pub(super) fn bare(path: &Path) -> Vec<u8> {
    quoted_where_odd(path.strip_prefix("/").unwrap_or(path).as_os_str().as_bytes().to_vec())
}

fn with_side(side: &str, path: &Path) -> Vec<u8> {
    [side.as_bytes(), path.as_os_str().as_bytes()].concat()
}

fn quoted_where_odd(name: Vec<u8>) -> Vec<u8> {
    if is_odd(&name) || name.contains(&b' ') { quoted(&name) } else { name }
}

fn is_odd(name: &[u8]) -> bool {
    name.iter().any(|byte| *byte < b' ' || *byte == 0x7f || matches!(byte, b'"' | b'\\'))
}

fn quoted(name: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for byte in name {
        match byte {
            b'"' | b'\\' => quoted.extend_from_slice(&[b'\\', *byte]),
            b' '..=b'~' | 0x80.. => quoted.push(*byte),
            _ => quoted.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
        }
    }
    quoted.push(b'"');
    quoted
}
