//! Initramfs images and unified kernel images, packed by the real programs, read from inside.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use postclone::image::{self, NotAnImage, Summary};

/// A cpio archive of the format newc, as gen_init_cpio makes it.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files.iter().copied().chain([("TRAILER!!!", &b""[..])]) {
        let mode = if name == "TRAILER!!!" { 0 } else { 0o100_644 };
        let numbers = [0, mode, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, name.len() + 1, 0];
        bytes.extend(b"070701");
        bytes.extend(numbers.iter().flat_map(|number| format!("{number:08x}").into_bytes()));
        bytes.extend(name.bytes().chain([0]));
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// Runs a program with bytes on its stdin; gives its stdout.
pub fn pipe(command: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} is not installed: {error}", command[0]));
    let mut stdin = child.stdin.take().unwrap();
    let input = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{command:?}");
    output.stdout
}

/// As the image tools call them: mkinitramfs(8) of initramfs-tools, dracut(8), make-initrd of the
/// kernel's own scripts.
const PACKERS: &[&[&str]] = &[
    &["cat"],
    &["gzip", "-n", "-9"],
    &["bzip2", "-9"],
    &["lzma", "-9", "-c"],
    &["xz", "-8", "--check=crc32", "-c"],
    &["xz", "--x86", "--lzma2=preset=6", "--check=sha256", "-c"],
    &["zstd", "-q", "-9", "-c"],
    &["zstd", "-q", "-15", "-T0", "--no-check", "-c"],
    &["lz4", "-q", "-l", "-9", "-c"],
    &["lz4", "-q", "-c"],
];

fn names(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, anyhow::Error> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let mut found = Vec::new();
    image::read(file.path(), &mut |entry, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        found.push((String::from_utf8(entry.name.clone()).unwrap(), bytes));
        Ok(())
    })?;
    Ok(found)
}

/// A content that no packer makes small, and that does not repeat.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let bytes = std::iter::from_fn(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(state.to_le_bytes()[0])
    });
    bytes.take(length).collect()
}

fn main_archive() -> (Vec<u8>, Vec<u8>) {
    let library = noise(100_000);
    let files: &[(&str, &[u8])] = &[
        ("init", b"#!/bin/sh\n"),
        ("./usr/sbin/lvm", &library),
        ("conf/conf.d/resume", b"RESUME=x"),
    ];
    (archive(files), library)
}

#[test]
fn every_compression_is_read() {
    let (plain, library) = main_archive();
    for packer in PACKERS {
        let found = names(&pipe(packer, &plain)).unwrap_or_else(|e| panic!("{packer:?}: {e:#}"));
        let expected = [
            ("init".to_owned(), b"#!/bin/sh\n".to_vec()),
            ("usr/sbin/lvm".to_owned(), library.clone()),
            ("conf/conf.d/resume".to_owned(), b"RESUME=x".to_vec()),
        ];
        assert!(
            found == expected,
            "{packer:?}: {:?}",
            found.iter().map(|f| &f.0).collect::<Vec<_>>()
        );
    }
}

#[test]
fn segments_follow_one_another_with_zeros_between() {
    let microcode = archive(&[("kernel/x86/microcode/GenuineIntel.bin", &noise(2000))]);
    let (plain, _) = main_archive();
    let last = archive(&[("etc/cmdline.d/90.conf", b"root=/dev/mapper/a--b-root")]);
    for packer in PACKERS {
        let mut image = microcode.clone();
        image.resize(image.len().next_multiple_of(512), 0);
        image.extend(pipe(packer, &plain));
        // lz4 -l says nothing of its end: only zeros part it from what follows.
        image.resize(image.len().next_multiple_of(4) + 4, 0);
        image.extend(&last);
        image.extend([0; 300]);
        let found = names(&image).unwrap_or_else(|e| panic!("{packer:?}: {e:#}"));
        let found: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            found,
            [
                "kernel/x86/microcode/GenuineIntel.bin",
                "init",
                "usr/sbin/lvm",
                "conf/conf.d/resume",
                "etc/cmdline.d/90.conf"
            ],
            "{packer:?}"
        );
    }
    // Without anything between, where the format says its end.
    for packer in PACKERS.iter().filter(|packer| !packer.contains(&"-l")) {
        let image = [pipe(packer, &plain), pipe(packer, &last)].concat();
        assert_eq!(names(&image).unwrap_or_else(|e| panic!("{packer:?}: {e:#}")).len(), 4);
    }
}

#[test]
fn an_image_that_is_cut_anywhere_is_refused() {
    let (plain, _) = main_archive();
    for packer in PACKERS {
        let whole = pipe(packer, &plain);
        let mut cuts: Vec<usize> = (1..8).map(|part| whole.len() * part / 8).collect();
        cuts.extend([whole.len() - 1, whole.len() - 2, 7, 12, 110, 111]);
        for cut in cuts {
            if whole[cut..].iter().all(|byte| *byte == 0) {
                continue; // only padding is gone
            }
            let result = names(&whole[..cut]);
            let error = result.err().unwrap_or_else(|| panic!("{packer:?} cut at {cut} is read"));
            assert!(
                error.downcast_ref::<NotAnImage>().is_none(),
                "{packer:?} cut at {cut}: {error:#}"
            );
        }
    }
}

#[test]
fn a_flipped_bit_is_noticed_where_the_format_has_a_checksum() {
    let (plain, _) = main_archive();
    let checked = |packer: &&&[&str]| {
        !["cat", "lzma"].contains(&packer[0])
            && !packer.contains(&"-l")
            && !packer.contains(&"--no-check")
    };
    for packer in PACKERS.iter().filter(checked) {
        let mut image = pipe(packer, &plain);
        let middle = image.len() / 2;
        image[middle] ^= 4;
        assert!(names(&image).is_err(), "{packer:?}");
    }
}

#[test]
fn what_is_no_image_is_told_from_what_is_broken() {
    let gzipped = pipe(&["gzip", "-n"], b"CONFIG_X=y\n");
    for other in [&b""[..], b"text\n", b"\0\0\0\0", b"MZ not a PE file", &gzipped] {
        let error = names(other).unwrap_err();
        assert!(error.downcast_ref::<NotAnImage>().is_some(), "{error:#}");
    }
    let mut image = archive(&[("init", b"x")]);
    image.extend(b"garbage");
    let error = format!("{:#}", names(&image).unwrap_err());
    assert!(
        error.contains("after byte ") && error.contains(" there is neither an archive nor padding"),
        "{error}"
    );
    let mut bad = archive(&[("init", b"x")]);
    bad[20] = b'z';
    assert!(names(&bad).is_err());
}

/// A PE file with these sections and nothing else, as `objcopy --add-section` leaves them.
pub fn pe(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; 0x200];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x80;
    bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
    bytes[0x86] = u8::try_from(sections.len()).unwrap();
    for (number, (name, content)) in sections.iter().enumerate() {
        let row = 0x98 + 40 * number;
        let size = u32::try_from(content.len()).unwrap();
        let offset = u32::try_from(bytes.len()).unwrap();
        bytes[row..row + name.len()].copy_from_slice(name.as_bytes());
        bytes[row + 8..row + 12].copy_from_slice(&size.to_le_bytes());
        bytes[row + 16..row + 20].copy_from_slice(&size.next_multiple_of(512).to_le_bytes());
        bytes[row + 20..row + 24].copy_from_slice(&offset.to_le_bytes());
        bytes.extend(*content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes
}

#[test]
fn a_unified_kernel_image_is_opened() {
    let initrd = pipe(&["zstd", "-q", "-c"], &archive(&[("init", b"x")]));
    let image =
        pe(&[(".linux", &noise(999)), (".cmdline", b"root=/dev/a/root"), (".initrd", &initrd)]);
    let found = names(&image).unwrap();
    assert_eq!(found[0], (".cmdline".to_owned(), b"root=/dev/a/root".to_vec()));
    assert_eq!(found[1], ("init".to_owned(), b"x".to_vec()));
    assert!(names(&image[..image.len() - 600]).is_err());
    // A kernel alone is a PE file, too.
    let kernel = names(&pe(&[(".text", &noise(99))])).unwrap_err();
    assert!(kernel.downcast_ref::<NotAnImage>().is_some());
}

fn summary(path: &Path) -> Summary {
    let mut summary = Summary::default();
    image::read(path, &mut |entry, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        summary.note(entry, &bytes);
        Ok(())
    })
    .unwrap();
    summary
}

#[test]
fn a_summary_says_what_a_newer_image_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, files: &[(&str, &[u8])]| {
        let path = dir.path().join(name);
        fs::write(&path, archive(files)).unwrap();
        summary(&path)
    };
    let crypttab = b"vda_crypt UUID=1 none luks\n# comment\ndata_crypt UUID=2 none\n";
    let old = write(
        "old",
        &[
            ("init", b""),
            ("sbin/lvm", b""),
            ("sbin/cryptsetup", b""),
            ("cryptroot/crypttab", crypttab),
        ],
    );
    let new = write(
        "new",
        &[("init", b""), ("usr/sbin/lvm", b""), ("cryptroot/crypttab", b"vda_crypt UUID=1 none\n")],
    );
    assert_eq!(new.lacks(&old), ["`cryptsetup`", "the mapping `data_crypt` in its crypttab"]);
    assert_eq!(old.lacks(&old), [""; 0]);
}
