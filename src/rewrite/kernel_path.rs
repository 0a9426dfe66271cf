//! Paths as the kernel resolves them: `//` and `/./` mean `/`, and `..` goes up (path_resolution(7)).

/// The bytes of a path's plain form, each with its place in the path as it is written. `None` if the path
/// is plain already, as nearly every path is. `None` also if it begins with `//`: `//dev/data` is a share
/// of the server `dev` (mount.cifs(8)).
///
/// The directories below `/dev` that hold device links are not links themselves. So `..` goes up to the
/// directory that the path names.
pub(super) fn plain(written: &[u8]) -> Option<Vec<(u8, usize)>> {
    let is_absolute = written.first() == Some(&b'/') && written.get(1) != Some(&b'/');
    if !is_absolute || is_plain(written) {
        return None;
    }
    let mut kept: Vec<(usize, &[u8])> = Vec::new();
    let mut at = 0;
    for component in written.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            _ => kept.push((at, component)),
        }
        at += component.len() + 1;
    }
    let mut plain = Vec::with_capacity(written.len());
    for (at, component) in kept {
        plain.push((b'/', at - 1));
        plain.extend(component.iter().enumerate().map(|(offset, byte)| (*byte, at + offset)));
    }
    // A device is not a directory, so a trailing slash stays.
    if written.ends_with(b"/") {
        plain.push((b'/', written.len() - 1));
    }
    Some(plain)
}

/// Whether `..` removes a component that is not in the `/dev` of every system. If that component gets
/// another name, the path no longer resolves.
pub(super) fn goes_through_another(written: &[u8]) -> bool {
    let constant: &[&[u8]] = &[b"", b".", b"..", b"dev", b"mapper", b"disk", b"by-id"];
    let mut kept: Vec<&[u8]> = Vec::new();
    for component in written.split(|byte| *byte == b'/') {
        match component {
            b".." if kept.pop().is_some_and(|gone| !constant.contains(&gone)) => return true,
            b"" | b"." | b".." => {}
            _ => kept.push(component),
        }
    }
    false
}

fn is_plain(written: &[u8]) -> bool {
    let mut dots = memchr::memmem::find_iter(written, b"/.").peekable();
    memchr::memmem::find(written, b"//").is_none()
        && (dots.peek().is_none()
            || dots.all(|at| {
                let rest = &written[at + 2..];
                let rest = rest.strip_prefix(b".").unwrap_or(rest);
                !rest.starts_with(b"/")
            }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(written: &str) -> Option<String> {
        let plain = plain(written.as_bytes())?;
        for (byte, at) in &plain {
            assert_eq!(written.as_bytes()[*at], *byte, "{written}");
        }
        Some(String::from_utf8(plain.into_iter().map(|(byte, _)| byte).collect()).unwrap())
    }

    #[test]
    fn as_the_kernel_resolves() {
        for (written, plain) in [
            ("/dev//data/home", "/dev/data/home"),
            ("/dev/./mapper/a-b", "/dev/mapper/a-b"),
            ("/dev/mapper/../mapper///a-b", "/dev/mapper/a-b"),
            ("/dev/disk/by-id/../../a/b", "/dev/a/b"),
            ("/../dev/a/b", "/dev/a/b"),
            ("/./dev/a/b", "/dev/a/b"),
            ("/dev/a//b/", "/dev/a/b/"),
            ("/dev/..//", "/"),
        ] {
            assert_eq!(resolved(written).as_deref(), Some(plain), "{written}");
        }
        for same in [
            "/dev/a/b",
            "//dev/a/b",
            "/dev/a/.b",
            "/dev/a/..b",
            "/dev/a/b...",
            "/dev/a/.",
            "/dev/a/..",
            "dev/./a",
            "",
        ] {
            assert_eq!(resolved(same), None, "{same}");
        }
        assert!(goes_through_another(b"/dev/a/../a/b"));
        assert!(!goes_through_another(b"/dev/mapper/../a/b"));
    }
}
