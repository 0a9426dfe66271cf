//! Changes one UUID and reads it back.

use anyhow::{Context, Result, anyhow, bail};

use super::{Content, Renewed, unmounted};
use crate::blkid;
use crate::ext::{self, SEED};
use crate::failpoint;
use crate::fatlabel;
use crate::guest::root::Root;
use crate::live::uuid_links;
use crate::run::Program;
use crate::swaps::{self, Swap};
use crate::transaction::record::Direction;

/// The UUID that is on the device.
///
/// # Errors
/// There is no such device, or more than one.
pub(super) fn now(one: &Renewed) -> Result<String> {
    let device = one.device.find().with_context(|| format!("looking for {}", one.called))?;
    blkid::read(&device)
}

/// Checks that the device has the old UUID and that the programs are installed.
///
/// # Errors
/// Another UUID, a missing program, or a swap area whose content does not fit into memory.
pub(super) fn can_be(one: &Renewed) -> Result<()> {
    let programs: &[Program] = match one.content {
        Content::Ext => &[Program::Tune2fs],
        Content::Fat => &[Program::Fatlabel, Program::Umount, Program::Mount],
        Content::Swap => &[Program::Swaplabel, Program::Swapoff, Program::Swapon],
    };
    if let Some(missing) = programs.iter().find(|program| program.find().is_none()) {
        bail!(
            "`{}`, which changes the UUID of {}, is not installed: install it",
            missing.name(),
            one.called
        );
    }
    let now = now(one)?;
    if now != one.old {
        bail!("{} has the UUID {now}, not {}: check with `blkid`", one.called, one.old);
    }
    if one.content == Content::Fat {
        can_be_unmounted(one)?;
    }
    if let (Content::Swap, Some(swap)) = (one.content, used(&one.device.find()?)) {
        let memory = swaps::memory();
        if swap.used > memory {
            bail!(
                "the swap `{1}` has {0} KiB in use, and memory has room for {memory}: end programs, or leave out \
                 swap-uuids",
                swap.used,
                swap.path
            );
        }
    }
    Ok(())
}

fn can_be_unmounted(one: &Renewed) -> Result<()> {
    match unmounted::why_not(&one.called) {
        None => Ok(()),
        Some(why) => bail!(
            "{} cannot be unmounted, and its UUID changes only while it is not mounted: {why}; end that, and run the \
             command again",
            one.called
        ),
    }
}

/// Checks that nothing would make it fail to restore the old UUID.
///
/// # Errors
/// A file system that must be unmounted for that, and is in use.
pub(super) fn can_be_restored(one: &Renewed) -> Result<()> {
    // What cannot be read here is told by the undo itself.
    let has_new = now(one).is_ok_and(|now| now == one.new);
    if one.content != Content::Fat || !has_new || !unmounted::is_mounted(&one.called) {
        return Ok(());
    }
    can_be_unmounted(one)
}

/// Changes one UUID. `pairs` has the old and the new UUID of everything that the run changes. The running system
/// keeps links for both.
///
/// # Errors
/// The device has a third UUID, or a program fails.
pub(super) fn uuid(
    one: &Renewed,
    pairs: &[(&str, &str)],
    root: &Root,
    direction: Direction,
) -> Result<()> {
    let device = one.device.find().with_context(|| format!("looking for {}", one.called))?;
    let (now, to) = (blkid::read(&device)?, one.uuid(direction));
    if now != one.old && now != one.new {
        return Err(anyhow!(
            "{} has the UUID {now} by now, which is neither {} nor {}: correct it by hand",
            one.called,
            one.old,
            one.new
        ));
    }
    failpoint::hit("uuid")?;
    if root.is_live() {
        uuid_links::keep(pairs)?;
    }
    match one.content {
        Content::Ext => ext(one, &device, &now, to, direction)?,
        Content::Fat => fat(one, &device, &now, to)?,
        Content::Swap if now != to => swaps::set_uuid(&device, used(&device).as_ref(), to)?,
        Content::Swap => {}
    }
    let read = blkid::read(&device)?;
    if read != to {
        bail!("{} has the UUID {read}, not {to}, after it was changed: see dmesg(1)", one.called);
    }
    if root.is_live() {
        uuid_links::demand(&device, to)?;
    }
    Ok(())
}

fn ext(one: &Renewed, device: &str, now: &str, to: &str, direction: Direction) -> Result<()> {
    let has_seed = || Ok::<_, anyhow::Error>(ext::features(device)?.iter().any(|own| own == SEED));
    if direction == Direction::Forward && one.seed && !has_seed()? {
        ext::set_feature(device, SEED, true)?;
    }
    if now != to {
        ext::set_uuid(device, to)?;
    }
    // With the UUID of which the seed was made the feature can go (e2fsprogs misc/tune2fs.c).
    if direction == Direction::Backward && one.seed && has_seed()? {
        ext::set_feature(device, SEED, false)?;
    }
    Ok(())
}

/// The files of the boot loader are there again when this returns.
fn fat(one: &Renewed, device: &str, now: &str, to: &str) -> Result<()> {
    if now == to && unmounted::is_mounted(&one.called) {
        return Ok(());
    }
    unmounted::meanwhile(&one.called, || {
        failpoint::hit("unmounted")?;
        if now == to { Ok(()) } else { fatlabel::set_serial(device, to) }
    })
}

/// The swap area in use on a device.
fn used(device: &str) -> Option<Swap> {
    swaps::in_use().into_iter().find(|swap| super::device::is_same(&swap.path, device))
}
