//! What exists on a system: the root tree, LVM's report, the kernels and their images. Only reads.

pub mod cloud_init;
pub mod devices_file;
mod glob;
pub mod host;
pub mod inventory;
pub mod kernel_install;
pub mod kernels;
pub mod kvp;
pub mod loader_variables;
pub mod machine;
pub mod mdadm;
pub mod mounts;
pub mod named;
pub mod nics;
pub mod placed;
pub mod presets;
pub mod private;
pub mod root;
pub mod root_device;
