//! Finds what in a machine may still be its template's.
//!
//! [`table`] lists the kinds of identity, each with the function that finds it in a tree or in the running system
//! ([`items`]). A finder says what is there. If the tree itself shows that this is not the machine's own, the finder
//! also says why ([`Found::hint`]). The record says which machine an identity belongs to ([`record`]), once it is
//! known which machine this is ([`marks`]). [`judge`] brings the two together, and [`look`] does all of it. Nothing
//! here writes.

pub mod against;
pub mod devices;
pub mod hash;
pub mod item;
pub mod items;
pub mod judge;
pub mod look;
pub mod marks;
pub mod place;
pub mod record;
pub mod summary;
pub mod table;
pub mod told;
mod udev_data;
pub mod view;

pub use item::{Found, Kind};
pub use view::View;
