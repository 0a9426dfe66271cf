//! mkinitcpio's arguments for one image of a preset. They are those that the preset itself would give
//! (mkinitcpio, `process_preset`). The preset's unified kernel image is not built here.

use std::path::Path;

use anyhow::{Result, anyhow};

use crate::guest::kernels::Image;
use crate::guest::presets::preset_of;
use crate::guest::root::Root;
use crate::run::Cmd;

/// The arguments that build the image.
pub(super) fn arguments(command: Cmd, root: &Root, image: &Image, outer: &Path) -> Result<Cmd> {
    let preset = preset_of(root, &image.path).ok_or_else(|| {
        anyhow!("no preset in /etc/mkinitcpio.d builds `{}` any more", image.path.display())
    })?;
    let command = command.args(["-k", &preset.kernel]);
    let command = match &preset.config {
        Some(config) => command.args(["-c", config]),
        None => command,
    };
    Ok(command.arg("-g").arg(outer).args(preset.options.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Program;

    #[test]
    fn an_image_that_no_preset_builds_is_told_of() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let path = "/boot/initramfs-linux.img";
        let image = Image { version: "6.1".to_owned(), path: path.into() };
        let command = Cmd::new(Program::Mkinitcpio);
        let said = arguments(command, &root, &image, Path::new(path)).unwrap_err().to_string();
        assert_eq!(said, format!("no preset in /etc/mkinitcpio.d builds `{path}` any more"));
    }
}
