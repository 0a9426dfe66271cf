//! One file for each format, or for formats that are read in the same way. Each takes the names and a file's bytes,
//! and finds what names the host.

pub mod agents;
pub mod apache;
pub mod backup;
pub mod collectd;
pub mod debconf;
pub mod dhclient;
pub mod fstab;
pub mod hosts;
pub mod icinga;
pub mod mail;
pub mod name_file;
pub mod network;
pub mod nginx;
pub mod postfix;
pub mod samba;
mod settings;
mod statements;
pub mod sudoers;
pub mod yaml;
