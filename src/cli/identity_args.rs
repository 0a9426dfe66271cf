//! What is still the template's, and what a template seals.

use std::path::PathBuf;

use clap::Args;

use super::{Colour, Format};

/// Arguments of `postclone identity`.
#[derive(Debug, Args)]
pub struct IdentityArgs {
    /// Look at the system whose / is mounted at DIR
    ///
    /// Only its files are read. Without --against, nothing shows whose they are.
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    /// Compare with the machine whose list is FILE, instead of the record
    ///
    /// FILE is the output of `postclone identity --format json` on the template or on another clone.
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,

    /// Let the exit status count what does harm only while both disks are in one machine
    ///
    /// These are the UUIDs of file systems, swap areas, LVM and partitions. Without this option the exit status
    /// is 5 only where something does harm while the machines are apart.
    #[arg(long)]
    pub disks: bool,

    /// Print every item in full, whosever it is
    #[arg(long)]
    pub all: bool,

    /// How to print the list
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// When to colour the output
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,

    /// Print more to stderr: which programs run and what they print
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// Arguments of `postclone seal`.
#[derive(Debug, Args)]
pub struct SealArgs {
    /// Record what is new, and do not call this machine a template
    ///
    /// For the package's installation.
    #[arg(long, hide = true)]
    pub installation: bool,

    /// Print more to stderr: which programs run and what they print
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Print only errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
}
