//! Initramfs images and unified kernel images.

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::sync::LazyLock;

use postclone::image::{self, Unified};

static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::temp_dir().join(format!("postclone-fuzz-image-{}", std::process::id()))
});

/// Bytes read of an entry; the rest is passed over.
const ENOUGH: u64 = 1 << 16;

/// Entries looked at; an image of many empty files is read to its end all the same elsewhere.
const MOST: usize = 4096;

/// It is read or refused; an entry gives no more bytes than it says; twice the same.
pub fn check(input: &[u8]) {
    fs::write(&*PATH, input).expect("writing the image");
    let look = || {
        let file = File::open(&*PATH).expect("the image is there");
        let mut seen = Vec::new();
        let result = image::read_file(&file, &mut |entry, content| {
            anyhow::ensure!(seen.len() < MOST, "enough");
            let mut bytes = Vec::new();
            let read = content.take(ENOUGH).read_to_end(&mut bytes);
            assert!(bytes.len() as u64 <= entry.size, "{entry:?}");
            seen.push((entry.clone(), bytes.len()));
            read?;
            Ok(())
        });
        (result.map_err(|error| format!("{error:#}")), seen)
    };
    assert_eq!(look(), look());
    let _ = Unified::read(&PATH);
}
