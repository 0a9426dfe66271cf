//! A MAC address, and where it is in a text.

use std::ops::Range;

/// An address at its position in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The range of its bytes in the text.
    pub range: Range<usize>,
    /// The address, in lower case with colons.
    pub mac: String,
}

/// An address in lower case with colons. It may be written with colons or hyphens between bytes, or with full stops
/// between pairs of bytes (systemd.link(5)). No interface has the address of all zeros or all ones.
pub fn mac(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let (separator, width) = style(&text)?;
    let is_group =
        |group: &str| group.len() == width && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !text.split(separator).all(is_group) {
        return None;
    }
    let digits: Vec<char> = text.chars().filter(|letter| *letter != separator).collect();
    let is_any = |all: char| digits.iter().all(|digit| *digit == all);
    if digits.len() != 12 || is_any('0') || is_any('f') {
        return None;
    }
    let bytes: Vec<String> = digits.chunks(2).map(|pair| pair.iter().collect()).collect();
    Some(bytes.join(":"))
}

/// The separator between groups of digits, and the number of digits in a group.
fn style(text: &str) -> Option<(char, usize)> {
    let mut known = [(':', 2), ('-', 2), ('.', 4)].into_iter();
    known.find(|(separator, _)| text.contains(*separator))
}

/// Writes an address, which is in lower case with colons, in the style of another one.
pub fn written_like(mac: &str, other: &str) -> String {
    let (separator, width) = style(other).unwrap_or((':', 2));
    let digits: Vec<char> = mac.chars().filter(char::is_ascii_hexdigit).collect();
    let groups: Vec<String> = digits.chunks(width).map(|group| group.iter().collect()).collect();
    let text = groups.join(&separator.to_string());
    if other.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_uppercase() } else { text }
}

/// The address that this part of a text is.
pub(super) fn address(text: &str, part: &str) -> Option<Address> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    Some(Address { range: start..start + part.len(), mac: mac(part)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "52:54:00:aa:00:01";
    const TWO: &str = "52:54:00:aa:00:02";

    #[test]
    fn an_address_is_written_as_another_one() {
        for (other, wanted) in [
            (ONE, "52:54:00:aa:00:02"),
            ("52:54:00:AA:00:01", "52:54:00:AA:00:02"),
            ("52-54-00-aa-00-01", "52-54-00-aa-00-02"),
            ("5254.00AA.0001", "5254.00AA.0002"),
        ] {
            assert_eq!(written_like(TWO, other), wanted);
        }
    }

    #[test]
    fn addresses_have_several_forms() {
        for text in [ONE, "52:54:00:AA:00:01", "52-54-00-aa-00-01", "5254.00aa.0001"] {
            assert_eq!(mac(text).as_deref(), Some(ONE), "{text}");
        }
        let others =
            ["random", "52:54:00:aa:00", "52:54:00:aa:00:01:02", "52:54:00:aa:00:0g", "", "5é:54"];
        for text in
            others.into_iter().chain(["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "5254:00aa"])
        {
            assert_eq!(mac(text), None, "{text}");
        }
    }
}
