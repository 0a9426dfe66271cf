//! How systemd escapes paths in unit names (systemd.unit(5), systemd-escape(1)).

use std::fmt::Write as _;
use std::ops::Range;

/// Each decoded byte with the range of the escaped text that it comes from.
pub type Decoded = Vec<(u8, Range<usize>)>;

/// `systemd-escape -p` for a part of a path that is not its first component.
pub fn escape(piece: &str) -> String {
    let mut escaped = String::with_capacity(piece.len() + 8);
    for byte in piece.bytes() {
        match byte {
            b'/' => escaped.push('-'),
            b':' | b'_' | b'.' => escaped.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => escaped.push(char::from(byte)),
            _ => {
                let _ = write!(escaped, "\\x{byte:02x}");
            }
        }
    }
    escaped
}

/// `systemd-escape -p` for an absolute path without empty components.
pub fn escape_path(path: &str) -> String {
    let path = path.trim_matches('/');
    match path.strip_prefix('.') {
        Some(rest) => format!("\\x2e{}", escape(rest)),
        None if path.is_empty() => "-".to_owned(),
        None => escape(path),
    }
}

/// The inverse: the path that an escaped unit name without its suffix stands for.
///
/// None if the text is not an escaped path.
pub fn unescape(name: &[u8]) -> Option<Decoded> {
    let mut path: Decoded = vec![(b'/', 0..0)];
    let mut at = 0;
    while let Some(&byte) = name.get(at) {
        let (decoded, length) = match byte {
            b'-' => (b'/', 1),
            b'\\' => {
                let digits = name.get(at + 2..at + 4).filter(|_| name[at + 1] == b'x')?;
                let digits = std::str::from_utf8(digits).ok()?;
                (u8::from_str_radix(digits, 16).ok()?, 4)
            }
            _ => (byte, 1),
        };
        path.push((decoded, at..at + length));
        at += length;
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of `systemd-escape -p`.
    const REAL: &[(&str, &str)] = &[
        ("/dev/mapper/a--b-root", r"dev-mapper-a\x2d\x2db\x2droot"),
        ("/dev/a-b/root", r"dev-a\x2db-root"),
        ("/dev/mapper/a-b--root", r"dev-mapper-a\x2db\x2d\x2droot"),
        ("/dev/a/b-root", r"dev-a-b\x2droot"),
        ("/dev/n.e+w_x-/root", r"dev-n.e\x2bw_x\x2d-root"),
        ("/dev/.vg/root", "dev-.vg-root"),
        (
            "/dev/disk/by-id/dm-name-a--b-root",
            r"dev-disk-by\x2did-dm\x2dname\x2da\x2d\x2db\x2droot",
        ),
        ("/.hidden", r"\x2ehidden"),
        ("/", "-"),
    ];

    #[test]
    fn escapes_like_systemd() {
        for (path, escaped) in REAL {
            assert_eq!(escape_path(path), *escaped);
        }
    }

    #[test]
    fn unescape_is_the_inverse() {
        for (path, escaped) in REAL.iter().filter(|(path, _)| *path != "/") {
            let back: Vec<u8> = unescape(escaped.as_bytes()).unwrap().iter().map(|d| d.0).collect();
            assert_eq!(back, path.as_bytes());
        }
        assert_eq!(unescape(br"dev-a\x2"), None);
        assert_eq!(unescape(br"dev-a\y2d"), None);
        assert_eq!(unescape(br"dev-a\"), None);
    }
}
