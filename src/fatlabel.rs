//! fatlabel(8): the serial number of a FAT file system, which blkid(8) and udev call its UUID.

use anyhow::Result;

use crate::run::{Cmd, Program};

/// Gives the file system on a device a serial number in blkid's form, `1A2B-3C4D`. The file system must not be
/// mounted.
///
/// # Errors
/// An error of fatlabel.
pub fn set_serial(device: &str, serial: &str) -> Result<()> {
    let digits = serial.replace('-', "");
    Cmd::new(Program::Fatlabel).args(["-i", device, &digits]).checked()?;
    Ok(())
}
