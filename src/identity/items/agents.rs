//! Identifiers of agents and daemons, one kind for each program.

mod more;
mod table;
mod take;

/// Agents by which a management or monitoring server knows the machine.
pub use table::KINDS;

/// Daemons that know each other by identities of their own.
pub use more::KINDS as MORE;
