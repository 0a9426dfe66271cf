//! Checks an image that was rebuilt, before a boot depends on it.

use std::path::Path;

use anyhow::{Result, bail};

use crate::audit::{self, Inside, Wanted, told};
use crate::image::NotAnImage;
use crate::initramfs::Purpose;

/// Judges a new image beside what the one held that it replaced. It must be whole, have what the old one had
/// for LVM and LUKS, and name the group nowhere but in its copy of LVM's records: the image tools
/// end with status 0 after a full disk and after a source that they could not resolve.
///
/// Gives what a person should know where the old image cannot be compared with.
///
/// # Errors
/// A new image that will not do, or that cannot be read although it or the old one is of a known kind.
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
