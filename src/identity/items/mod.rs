//! The finders, one file for each subject. Each returns [`super::Found`] in the order of places.

pub mod agents;
pub mod bound;
pub mod certificates;
pub mod cloud;
pub mod dhcp;
pub mod group_name;
pub mod host_name;
pub mod initiators;
mod lines;
pub mod lvm_ids;
pub mod machine_id;
pub mod macs;
pub mod mail;
pub mod md;
pub mod seeds;
mod settings;
pub mod ssh;
pub mod storage;
#[cfg(test)]
mod testing;
