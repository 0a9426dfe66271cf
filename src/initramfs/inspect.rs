//! Checks a rebuilt image before a boot depends on it.

use std::path::Path;

use anyhow::{Result, bail};

use crate::audit::{self, Inside, Wanted, told};
use crate::image::NotAnImage;
use crate::initramfs::Purpose;

/// Compares a new image with the contents of the one that it replaces. The new image must be complete, and
/// must have what the old one had for LVM and LUKS. Only its copy of LVM's records may name the group.
/// This check is needed because image tools end with status 0 even if the disk was full, or if they could
/// not resolve a source.
///
/// Returns what the user should know if the old image cannot be compared.
///
/// # Errors
/// If the new image is not good enough, or if it cannot be read although it or the old one has a known
/// format.
pub fn judge(
    before: Result<Inside>,
    new: &Path,
    wanted: &[Wanted],
    purpose: Purpose,
) -> Result<Option<String>> {
    let after = match (audit::inside(new, wanted), &before) {
        (Ok(after), _) => after,
        (Err(error), Err(_)) if error.downcast_ref::<NotAnImage>().is_some() => {
            return Ok(Some(format!("{error:#}: it was not checked")));
        }
        (Err(error), _) => return Err(error),
    };
    if let Some(first) = after.names.first().filter(|_| purpose != Purpose::Bridge) {
        let names: Vec<String> = wanted.iter().map(Wanted::said).collect();
        let (name, place) = (names.join(" or "), told::place(first));
        bail!("the new image still names {name}: {place}: {}", first.excerpt);
    }
    let before = match before {
        Ok(before) => before,
        Err(error) => {
            return Ok(Some(format!("{error:#}: the new image could not be compared with it")));
        }
    };
    let lacks = after.summary.lacks(&before.summary);
    if !lacks.is_empty() {
        bail!(
            "the new image `{}` lacks {}, which the old one had",
            new.display(),
            lacks.join(" and ")
        );
    }
    Ok(None)
}
