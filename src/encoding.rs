//! Bytes as text: hexadecimal digits and base64.

/// The bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let digits = |byte: &u8| {
        [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
    };
    bytes.iter().flat_map(digits).collect()
}

/// The positions of the hyphens in a UUID's text (RFC 9562, 4), as the number of digits before each.
const HYPHENS: [usize; 4] = [8, 12, 16, 20];

/// A UUID's 32 digits with its hyphens.
pub fn hyphenated(digits: &str) -> String {
    let part = |at: usize, digit: char| {
        let hyphen = HYPHENS.contains(&at).then_some('-');
        hyphen.into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(|(at, digit)| part(at, digit)).collect()
}

/// Whether a text is a UUID as file systems write it: in lower case, with hyphens.
pub fn is_uuid(text: &str) -> bool {
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    digits.len() == 32 && digits.bytes().all(is_digit) && hyphenated(&digits) == text
}

/// Whether a text is the serial number of a FAT file system as blkid(8) writes it: `1A2B-3C4D`.
pub fn is_serial(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    matches!(text.split_once('-'), Some((high, low)) if [high, low]
        .iter()
        .all(|part| part.len() == 4 && part.bytes().all(is_digit)))
}

/// The bytes of a base64 text (RFC 4648, 4).
pub fn base64(text: &str) -> Option<Vec<u8>> {
    decoded(text, |letter| match letter {
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    })
}

/// The bytes of a text in base64url (RFC 4648, 5), or in base64.
pub fn base64_or_url(text: &str) -> Option<Vec<u8>> {
    decoded(text, |letter| match letter {
        b'-' | b'+' => Some(62),
        b'_' | b'/' => Some(63),
        _ => None,
    })
}

/// `last` returns the two values in which the alphabets differ. The padding at the end may be missing.
fn decoded(text: &str, last: impl Fn(u8) -> Option<u8>) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            _ => last(letter)?,
        };
        bits = (bits << 6 | u32::from(value)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_its_hyphens() {
        let uuid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
        assert_eq!(hyphenated(&uuid.replace('-', "")), uuid);
        assert!(is_uuid(uuid));
        for text in ["", "A-B", &uuid.to_uppercase(), &uuid.replace('-', ""), &uuid[1..]] {
            assert!(!is_uuid(text), "{text}");
        }
    }

    #[test]
    fn bytes_have_two_digits_each() {
        assert_eq!(hexadecimal(&[0, 0x0a, 0xff]), "000aff");
    }

    #[test]
    fn each_alphabet_has_its_letters() {
        assert_eq!(base64("a*b"), None);
        assert_eq!(base64("d2Vi").as_deref(), Some(&b"web"[..]));
        assert_eq!(base64("d2ViMA==").as_deref(), Some(&b"web0"[..]));
        assert_eq!(base64("-_8="), None);
        assert_eq!(base64_or_url("-_8").as_deref(), Some(&[0xfb, 0xff][..]));
        assert_eq!(base64_or_url("+/8=").as_deref(), Some(&[0xfb, 0xff][..]));
    }
}
