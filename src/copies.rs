//! Old copies, recognized by the end of their names. Packaging tools, editors and people leave them, and no
//! program reads them in place of the original.

/// Of dpkg(1), ucf(1), rpm(8), patch(1), and of people.
const SUFFIXES: &[&str] = &[
    "~",
    ".bak",
    ".old",
    ".orig",
    ".save",
    ".dpkg-old",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-bak",
    ".ucf-old",
    ".ucf-dist",
    ".rpmsave",
    ".rpmnew",
];

/// Whether a file's name is a copy's.
pub fn is_copy(name: &[u8]) -> bool {
    SUFFIXES.iter().any(|suffix| name.ends_with(suffix.as_bytes()))
}
