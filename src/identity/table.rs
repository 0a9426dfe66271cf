//! The kinds of identity, in the order in which they are shown.

use super::Kind;
use super::items::{
    agents, bound, certificates, cloud, dhcp, group_name, host_name, initiators, lvm_ids,
    machine_id, macs, mail, md, seeds, ssh, storage,
};

/// Every kind.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    let files = [
        host_name::KINDS,
        group_name::KINDS,
        machine_id::KINDS,
        dhcp::KINDS,
        ssh::KINDS,
        certificates::KINDS,
        seeds::KINDS,
        macs::KINDS,
        initiators::KINDS,
        storage::KINDS,
        lvm_ids::KINDS,
        md::KINDS,
        cloud::KINDS,
        mail::KINDS,
        agents::KINDS,
        agents::MORE,
        bound::KINDS,
    ];
    files.into_iter().flatten()
}
