//! mdadm's arrays, which belong to a host by its name.
//!
//! The name is in each array's superblock, `HOST:0`. An array of another host is assembled as a foreign one, under
//! another device name (mdadm(8), `--homehost`; mdadm.conf(5), HOMEHOST), unless the configuration lists it. That is
//! the root's configuration, and also its copy in the images, which assemble the array first.

use std::path::PathBuf;

use anyhow::{Result, anyhow};

use super::HostNames;
use crate::guest::host;
use crate::guest::kernels;
use crate::guest::mdadm::{Array, Conf, PLACES, running};
use crate::guest::root::Root;
use crate::image;
use crate::run::{Cmd, Program};

/// A refusal for each array that would become another host's.
pub(super) fn stay_this_hosts(root: &Root, names: &HostNames) -> Vec<Result<()>> {
    let arrays: Vec<Array> =
        running().into_iter().map(told).filter(|array| is_bound(array, names)).collect();
    if arrays.is_empty() {
        return Vec::new();
    }
    let texts: Vec<String> = files(root).filter_map(|path| root.read_text(path)).collect();
    let conf = Conf::read(texts.iter().map(String::as_str));
    let images = images(root);
    arrays.iter().filter_map(|array| stays(array, &conf, &images).err()).map(Err).collect()
}

/// A warning if the configuration names the old host as its own.
pub(super) fn keeps_the_name(root: &Root, names: &HostNames) -> Option<String> {
    let path = files(root).find(|path| {
        let text = root.read_text(path).unwrap_or_default();
        let conf = Conf::read([text.as_str()].into_iter());
        conf.homehost.is_some_and(|host| is_old(&host, names))
    })?;
    Some(format!(
        "`{}` has the old name as HOMEHOST and keeps it: arrays with that name stay this host's, and new ones get it",
        path.display()
    ))
}

/// If udev does not know an array's name, asks mdadm.
fn told(array: Array) -> Array {
    if array.name.is_some() || array.uuid.is_some() || Program::Mdadm.find().is_none() {
        return array;
    }
    let device = format!("/dev/{}", array.device);
    let asked = Cmd::new(Program::Mdadm).args(["--detail", "--export"]).arg(&device).checked();
    match asked {
        Ok(output) => Array::of(&array.device, &String::from_utf8_lossy(&output.stdout)),
        Err(error) => {
            log::warn!(
                "{error:#}: it is not known whether `{device}` belongs to the host by its name"
            );
            array
        }
    }
}

fn is_bound(array: &Array, names: &HostNames) -> bool {
    array.host().is_some_and(|host| is_old(host, names))
}

fn is_old(name: &str, names: &HostNames) -> bool {
    host::short(name).is_some_and(|short| short.eq_ignore_ascii_case(names.old_name().short()))
}

fn files(root: &Root) -> impl Iterator<Item = PathBuf> {
    PLACES.iter().flat_map(|pattern| root.glob(&pattern[1..]).unwrap_or_default())
}

/// The copies of the configuration in images, with the images' paths.
fn images(root: &Root) -> Vec<(PathBuf, Conf)> {
    let found = kernels::images(root, kernels::generator(root)).unwrap_or_default();
    let mut copies = Vec::new();
    for path in found.images.into_iter().map(|image| image.path) {
        let Some(at) = root.resolve(&path).ok().flatten() else { continue };
        let mut texts: Vec<String> = Vec::new();
        let looked = image::read(&root.outer(&at), &mut |entry, content| {
            let name = String::from_utf8_lossy(&entry.name);
            if entry.is_file()
                && PLACES.iter().any(|place| crate::rewrite::is_path(&place[1..], &name))
            {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes)?;
                texts.push(String::from_utf8_lossy(&bytes).into_owned());
            }
            Ok(())
        });
        if let Err(error) = looked {
            log::warn!("{error:#}: it is not known which arrays it lists");
        } else if !texts.is_empty() {
            copies.push((path, Conf::read(texts.iter().map(String::as_str))));
        }
    }
    copies
}

fn stays(array: &Array, conf: &Conf, images: &[(PathBuf, Conf)]) -> Result<()> {
    let (device, name) = (&array.device, array.name.as_deref().unwrap_or_default());
    let belongs = format!(
        "`/dev/{device}`: the array belongs to the host by the name `{name}` in its superblock"
    );
    if !conf.keeps(array) {
        return Err(anyhow!(
            "{belongs}, and under another host name it comes up as a foreign array, with another device name: \
             write it into mdadm.conf with `mdadm --detail --brief /dev/{device}`, or write `HOMEHOST <ignore>` \
             there, and rebuild the initramfs images; or stop the array, and assemble it with \
             `--update=homehost` and `--homehost=NEW`"
        ));
    }
    match images.iter().find(|(_, conf)| !conf.keeps(array)) {
        Some((path, _)) => Err(anyhow!(
            "{belongs}, and the mdadm.conf in `{}` does not list it, although the root's does: rebuild the \
             initramfs images",
            path.display()
        )),
        None => Ok(()),
    }
}
