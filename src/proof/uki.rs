//! Unified kernel images: a PE program whose section `.cmdline` is the kernel command line
//! (uapi-group.org, Unified Kernel Image).

use super::{Facts, Finding, Maker, Row, View, arguments, bls};

/// Adds the rows of every image in `EFI/Linux`.
pub(super) fn rows(view: &View, facts: &Facts, rows: &mut Vec<Row>) {
    for pattern in bls::unified_images() {
        for file in view.each_once(view.glob(&pattern), rows) {
            let title = file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let maker = Maker::of_entry(&file.path, &title);
            if let Some(text) = view.command_line(&file.path) {
                arguments::rows(facts, &maker, None, text, rows);
            } else if let Some(text) = section(&file.text, b".cmdline") {
                let text = String::from_utf8_lossy(text);
                arguments::rows(facts, &maker, None, text.trim_end_matches('\0'), rows);
            } else {
                let why = Finding::unknown("the image has no section .cmdline");
                rows.push(maker.row(None, "command line", "", why));
            }
        }
    }
}

/// The bytes of the section with that name, if the file is a PE program. The offset of the PE header is at
/// 0x3c. The section headers of 40 bytes each follow the optional header (PE format, Microsoft).
fn section<'a>(image: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let word = |at: usize| {
        let bytes: [u8; 4] = image.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let half = |at: usize| {
        let bytes: [u8; 2] = image.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(usize::from(u16::from_le_bytes(bytes)))
    };
    let header = word(0x3c).filter(|_| image.starts_with(b"MZ"))?;
    if image.get(header..header.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let sections = half(header + 6)?;
    let first = header + 24 + half(header + 20)?;
    for at in (0..sections).map(|number| first + number * 40) {
        let title = image.get(at..at + 8)?;
        let length = title.iter().position(|byte| *byte == 0).unwrap_or(title.len());
        // The size on the disk may include padding. The size in memory may include bytes that are not in
        // the file.
        let (virtual_size, size, start) = (word(at + 8)?, word(at + 16)?, word(at + 20)?);
        if &title[..length] == name {
            return image.get(start..start.checked_add(size.min(virtual_size))?);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PE program with one section, built by the offsets of the format.
    fn image(text: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 0x200];
        image[..2].copy_from_slice(b"MZ");
        image[0x3c] = 0x40;
        image[0x40..0x44].copy_from_slice(b"PE\0\0");
        image[0x46] = 1;
        image[0x54] = 0x10;
        let header = 0x40 + 24 + 0x10;
        image[header..header + 8].copy_from_slice(b".cmdline");
        image[header + 8] = u8::try_from(text.len()).unwrap();
        image[header + 17] = 2;
        image[header + 21] = 2;
        image.extend_from_slice(text);
        image.resize(0x400, 0);
        image
    }

    #[test]
    fn the_section_is_found_and_nothing_is_read_beyond_the_file() {
        let whole = image(b"root=/dev/x/y quiet\0");
        assert_eq!(section(&whole, b".cmdline"), Some(&b"root=/dev/x/y quiet\0"[..]));
        assert_eq!(section(&whole, b".linux"), None);
        for length in 0..whole.len() {
            let found = section(&whole[..length], b".cmdline");
            assert!(found.is_none_or(|text| text == b"root=/dev/x/y quiet\0"), "{length}");
        }
        let mut wild = whole;
        wild[0x3c..0x40].copy_from_slice(&[0xff; 4]);
        assert_eq!(section(&wild, b".cmdline"), None);
    }
}
