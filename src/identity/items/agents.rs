//! Identifiers of agents and daemons: one kind a program.

mod more;
mod table;
mod take;

/// Agents that a management or monitoring server knows the machine by.
pub use table::KINDS;

/// Daemons that know each other by an identity of their own.
pub use more::KINDS as MORE;
