//! The hosts that a keytab names.

/// The hosts of the principals `host/NAME@REALM`, in lower case and each once (MIT krb5, The Kerberos keytab binary
/// file format). Empty if the bytes are not a keytab.
pub(super) fn hosts(bytes: &[u8]) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    let mut rest = bytes.strip_prefix(&[5, 2]).unwrap_or_default();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = i32::from_be_bytes(*length);
        let size = usize::try_from(length.unsigned_abs()).unwrap_or(usize::MAX);
        let Some((entry, after)) = after.split_at_checked(size).filter(|_| length != 0) else {
            break;
        };
        rest = after;
        // A negative length is a hole, left by an entry that was removed.
        let host = if length > 0 { host(entry) } else { None };
        hosts.extend(host.filter(|host| !hosts.contains(host)));
    }
    hosts
}

/// The second component of an entry's principal, if the first is `host`. The realm comes before both.
fn host(entry: &[u8]) -> Option<String> {
    let (components, rest) = entry.split_first_chunk::<2>()?;
    if u16::from_be_bytes(*components) != 2 {
        return None;
    }
    let (_realm, rest) = counted(rest)?;
    let (service, rest) = counted(rest)?;
    let (name, _) = counted(rest)?;
    let name = std::str::from_utf8(name).ok().filter(|_| service.eq_ignore_ascii_case(b"host"))?;
    Some(name.to_lowercase())
}

/// Bytes that follow their count, and the rest.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An entry with a key of one byte.
    pub(in super::super) fn entry(components: &[&str]) -> Vec<u8> {
        let mut entry = u16::try_from(components.len()).unwrap().to_be_bytes().to_vec();
        for text in [&["EXAMPLE.ORG"], components].concat() {
            entry.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            entry.extend(text.as_bytes());
        }
        entry.extend([0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 18, 0, 1, 7]);
        let mut all = i32::try_from(entry.len()).unwrap().to_be_bytes().to_vec();
        all.append(&mut entry);
        all
    }

    #[test]
    fn the_hosts_of_a_keytab_are_those_of_its_principals() {
        let mut bytes = vec![5, 2];
        bytes.extend([255, 255, 255, 254, 1, 2]);
        for components in [
            &["TMPL$"][..],
            &["HTTP", "no"],
            &["host", "TMPL"],
            &["host", "tmpl"],
            &["host", "tmpl.example.org"],
        ] {
            bytes.extend(entry(components));
        }
        assert_eq!(hosts(&bytes), ["tmpl", "tmpl.example.org"]);
    }

    #[test]
    fn a_keytab_that_is_cut_anywhere_is_read_as_far_as_it_goes() {
        let bytes = [&[5, 2][..], &entry(&["host", "tmpl"])].concat();
        for end in 0..bytes.len() {
            assert_eq!(hosts(&bytes[..end]), [""; 0], "{end}");
        }
        assert_eq!(hosts(&[5, 2, 128, 0, 0, 0]), [""; 0]);
        assert_eq!(hosts(&[5, 2, 0, 0, 0, 0, 1]), [""; 0]);
        assert_eq!(hosts(b"tmpl"), [""; 0]);
    }
}
