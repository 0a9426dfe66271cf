//! Texts in which escapes hide a name.

pub(super) fn single_backslashes(text: &[u8]) -> Vec<u8> {
    let mut single = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        single.push(*byte);
        rest = if *byte == b'\\' { tail.strip_prefix(b"\\").unwrap_or(tail) } else { tail };
    }
    single
}

/// Decodes octal escapes of three digits and URL escapes of two. None if the text has no escapes.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        let (length, radix) = match byte {
            b'\\' => (3, 8),
            b'%' => (2, 16),
            _ => {
                decoded.push(*byte);
                rest = tail;
                continue;
            }
        };
        let digits = std::str::from_utf8(tail.get(..length)?).ok()?;
        decoded.push(u8::from_str_radix(digits, radix).ok()?);
        rest = &tail[length..];
    }
    (decoded.len() < text.len()).then_some(decoded)
}
