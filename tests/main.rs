//! The integration tests, one binary. A test is in the folder of what it is about; its module has the
//! file's name alone, so that `cargo test flow::` runs a file.

#![allow(unreachable_pub, clippy::print_stderr, clippy::disallowed_methods)]

// What the tests are made with.
#[path = "kit/harness.rs"]
mod harness;
#[path = "kit/stage.rs"]
mod stage;
#[path = "kit/tree.rs"]
mod tree;

// Which bytes of which files change.
#[path = "rewriting/exotic.rs"]
mod exotic;
#[path = "rewriting/generators.rs"]
mod generators;
#[path = "rewriting/golden.rs"]
mod golden;
#[path = "rewriting/host_names.rs"]
mod host_names;
#[path = "rewriting/named_after.rs"]
mod named_after;
#[path = "rewriting/names.rs"]
mod names;
#[path = "rewriting/not_rewritten.rs"]
mod not_rewritten;
#[path = "rewriting/paths.rs"]
mod paths;
#[path = "rewriting/places.rs"]
mod places;
#[path = "rewriting/planted.rs"]
mod planted;

// What still has a name.
#[path = "searching/audit.rs"]
mod audit;
#[path = "searching/identity.rs"]
mod identity;

// The next boot.
#[path = "proving/proof.rs"]
mod proof;

// What is in images, and how they are built.
#[path = "images/crew.rs"]
mod crew;
#[path = "images/images.rs"]
mod images;
#[path = "images/placed.rs"]
mod placed;
#[path = "images/world.rs"]
mod world;

// Runs that come to their end.
#[path = "running/attributes.rs"]
mod attributes;
#[path = "running/boot_fs.rs"]
mod boot_fs;
#[path = "running/clones.rs"]
mod clones;
#[path = "running/esp_uuids.rs"]
mod esp_uuids;
#[path = "running/fixup.rs"]
mod fixup;
#[path = "running/flow.rs"]
mod flow;
#[path = "running/live.rs"]
mod live;
#[path = "running/many.rs"]
mod many;
#[path = "running/package_locks.rs"]
mod package_locks;
#[path = "running/real_lvm.rs"]
mod real_lvm;
#[path = "running/rename_host.rs"]
mod rename_host;
#[path = "running/rename_lv.rs"]
mod rename_lv;
#[path = "running/renew.rs"]
mod renew;
#[path = "running/renew_dhcp.rs"]
mod renew_dhcp;
#[path = "running/renew_entries.rs"]
mod renew_entries;
#[path = "running/renew_macs.rs"]
mod renew_macs;
#[path = "running/renew_snakeoil.rs"]
mod renew_snakeoil;
#[path = "running/renew_storage.rs"]
mod renew_storage;
#[path = "running/several.rs"]
mod several;
#[path = "running/uuids.rs"]
mod uuids;
#[path = "running/xfs_uuids.rs"]
mod xfs_uuids;

// Runs that end before their first change.
#[path = "refusing/hostile.rs"]
mod hostile;
#[path = "refusing/image_based.rs"]
mod image_based;
#[path = "refusing/obstacles.rs"]
mod obstacles;
#[path = "refusing/refusals.rs"]
mod refusals;

// Runs that are cut, fail, or are taken back.
#[path = "going_back/earlier_journals.rs"]
mod earlier_journals;
#[cfg(feature = "failpoints")]
#[path = "going_back/faults.rs"]
mod faults;
#[path = "going_back/journals.rs"]
mod journals;
#[path = "going_back/recovery.rs"]
mod recovery;
#[path = "going_back/since.rs"]
mod since;

// What is said, and to whom.
#[path = "telling/first_minute.rs"]
mod first_minute;
#[path = "telling/manual.rs"]
mod manual;
#[path = "telling/printable.rs"]
mod printable;
#[path = "telling/private.rs"]
mod private;
#[path = "telling/seldom_words.rs"]
mod seldom_words;
#[path = "telling/terminal.rs"]
mod terminal;
#[path = "telling/words.rs"]
mod words;

// The tree itself.
#[path = "house/rooms.rs"]
mod rooms;
#[path = "house/terms.rs"]
mod terms;
#[path = "house/units.rs"]
mod units;
