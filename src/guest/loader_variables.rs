//! The firmware variables that choose systemd-boot's entry (systemd.io, Boot Loader Interface).

use std::path::{Path, PathBuf};

/// The variable for every boot, and the one for the next boot only.
pub const DEFAULT: &str = "LoaderEntryDefault";
/// See [`DEFAULT`].
pub const ONE_SHOT: &str = "LoaderEntryOneShot";

/// Where the kernel shows the variables. Their names end in the vendor's UUID.
const EFIVARS: &str = "/sys/firmware/efi/efivars";
const VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// The size of the attributes before the content (Linux Documentation/filesystems/efivarfs.rst).
const ATTRIBUTES: usize = 4;

/// The path of a variable of systemd-boot.
pub fn path(name: &str) -> PathBuf {
    Path::new(EFIVARS).join(format!("{name}-{VENDOR}"))
}

/// The text of a variable, up to its terminating zero.
pub fn text(bytes: &[u8]) -> String {
    let units = bytes.get(ATTRIBUTES..).unwrap_or_default().chunks_exact(2);
    let units = units.map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    String::from_utf16_lossy(&units.take_while(|unit| *unit != 0).collect::<Vec<u16>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_ends_where_the_variables_does() {
        let of = |text: &str| {
            let units = text.encode_utf16().flat_map(u16::to_le_bytes);
            [7, 0, 0, 0].into_iter().chain(units).collect::<Vec<u8>>()
        };
        assert_eq!(text(&of("a-5.10.conf\0junk")), "a-5.10.conf");
        assert_eq!(text(&of("a")), "a");
        assert_eq!(text(&[7, 0]), "");
    }
}
