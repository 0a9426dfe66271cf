//! tune2fs(8): the features and the UUID of an ext2, ext3 or ext4 file system.

use anyhow::{Context, Result};

use crate::run::{Cmd, Program};

/// The feature that stores the seed of the checksums separately from the UUID, so that the UUID can change (ext4(5),
/// `metadata_csum_seed`).
pub const SEED: &str = "metadata_csum_seed";

/// The features of the file system on a device, as ext4(5) names them.
///
/// # Errors
/// An error of tune2fs.
pub fn features(device: &str) -> Result<Vec<String>> {
    let output = Cmd::new(Program::Tune2fs).args(["-l", device]).checked()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("Filesystem features:"));
    let line = line.with_context(|| format!("`tune2fs -l {device}` shows no features"))?;
    Ok(line.split_whitespace().map(str::to_owned).collect())
}

/// Gives the file system a feature, or removes it.
///
/// # Errors
/// An error of tune2fs.
pub fn set_feature(device: &str, feature: &str, on: bool) -> Result<()> {
    let feature = if on { feature.to_owned() } else { format!("^{feature}") };
    Cmd::new(Program::Tune2fs).args(["-O", &feature, device]).checked()?;
    Ok(())
}

/// Gives the file system a UUID. If it is mounted, the kernel changes the UUID if it can (Linux 6.0,
/// `EXT4_IOC_SETFSUUID`). Otherwise, tune2fs changes it in the superblock.
///
/// # Errors
/// An error of tune2fs.
pub fn set_uuid(device: &str, uuid: &str) -> Result<()> {
    Cmd::new(Program::Tune2fs).args(["-U", uuid, device]).checked()?;
    Ok(())
}
