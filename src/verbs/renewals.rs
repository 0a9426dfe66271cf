//! Renews a clone's IDs and keys: for `renew`, and for `fixup` together with other parts.

use std::cell::OnceCell;

use anyhow::Result;
use clap::ValueEnum as _;

use super::own;
use super::parts::Parts;
use crate::cli::Item;
use crate::guest::root::Root;
use crate::identity::look::Looked;
use crate::renew::{dhcp, machine_id, macs, seeds, snakeoil, ssh, storage};

/// Values that were drawn in this process. The plan is made twice, and has the same IDs and keys both times.
#[derive(Default)]
pub(super) struct Drawn {
    id: OnceCell<String>,
    keys: ssh::Drawn,
    names: storage::Drawn,
    certificate: snakeoil::Drawn,
}

impl Drawn {
    fn id(&self) -> Result<String> {
        match self.id.get() {
            Some(id) => Ok(id.clone()),
            None => machine_id::draw().map(|drawn| self.id.get_or_init(|| drawn).clone()),
        }
    }
}

/// Which items are wanted, which items the user named, and whether to renew even what is the machine's own already.
pub(super) type Asked<'a, F> = (F, &'a [Item], bool);

/// Adds the wanted items, except those that are this machine's own already. `host` is the new host name, if the host
/// gets one. `looked` is what was seen of the machine, if that is known already.
///
/// # Errors
/// Something prevents an item from being renewed.
pub(super) fn add(
    parts: &mut Parts,
    root: &Root,
    drawn: &Drawn,
    (host, looked): (Option<&str>, Option<&Looked>),
    (is_asked, named, force): Asked<'_, impl Fn(Item) -> bool>,
) -> Result<()> {
    let wanted: Vec<Item> =
        Item::value_variants().iter().copied().filter(|item| is_asked(*item)).collect();
    let (own, told) =
        if force { Default::default() } else { own::left(root, looked, &wanted, named)? };
    parts.warnings.extend(told);
    let asks = |item: Item| wanted.contains(&item) && !own.contains(&item);
    if asks(Item::MachineId) {
        parts.add(machine_id::find(root, || drawn.id())?);
    }
    if asks(Item::SshHostKeys) {
        parts.add(ssh::find(root, &drawn.keys, host)?);
    }
    if asks(Item::Dhcp) {
        parts.add(dhcp::find(root)?);
    }
    if asks(Item::IscsiInitiator) {
        parts.add(storage::iscsi(root, &drawn.names)?);
    }
    if asks(Item::NvmeHost) {
        parts.add(storage::nvme(root, &drawn.names)?);
    }
    if asks(Item::NetworkMacs) {
        parts.add(macs::find(root)?);
    }
    if asks(Item::SnakeoilCertificate) {
        parts.add(snakeoil::find(root, &drawn.certificate)?);
    }
    // The seeds come last. A failure after them would undo everything except the seeds.
    if asks(Item::RandomSeeds) {
        parts.add((seeds::find(root)?, Vec::new()));
    }
    Ok(())
}
