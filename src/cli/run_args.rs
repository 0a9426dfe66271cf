//! The options of every verb that plans a run.

use std::path::PathBuf;

use clap::Args;

use super::{Colour, Format};

/// Arguments of every verb that plans a run.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)]
pub struct RunArgs {
    /// Show what would change, as a patch, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Do not ask before changing anything
    #[arg(short, long)]
    pub yes: bool,

    /// Rewrite unambiguous names in FILE as well
    ///
    /// For scripts and settings that postclone does not know. The plan proposes them under "Not
    /// rewritten". FILE is an absolute path inside the root. Can be given several times.
    #[arg(long, value_name = "FILE")]
    pub also: Vec<PathBuf>,

    /// Rename even if files that the next boot may read keep the old name
    ///
    /// The plan lists them under "Not rewritten". Without this option, --yes refuses such a plan, and
    /// on a terminal you are asked about these files first.
    #[arg(long)]
    pub accept_stale: bool,

    /// Change even a machine that was sealed as a template, and what is already its own
    #[arg(long)]
    pub force: bool,

    /// Work on the system whose / is mounted at DIR
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    /// Rewrite files and leave LVM and the images alone
    ///
    /// For what already has its new name, or for a tree whose disks are elsewhere. No LVM program is
    /// called. Without --lvm-report, names are recognized only by their form.
    #[arg(long)]
    pub files_only: bool,

    /// Leave the initramfs images as they are
    #[arg(long)]
    pub no_initramfs: bool,

    /// Read the groups and volumes from FILE instead of asking LVM
    ///
    /// FILE holds the output of `lvm fullreport -a --reportformat json`. Only with --files-only or
    /// --dry-run.
    #[arg(long, value_name = "FILE")]
    pub lvm_report: Option<PathBuf>,

    /// How to print the plan and the report
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// When to colour the output
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,

    /// Print the diffs on a terminal without a pager
    #[arg(long)]
    pub no_pager: bool,

    /// Print diffs of private files to any output
    ///
    /// A file is private if not everybody may read it. Without this option, such diffs go only to a
    /// terminal, because a pipe may end in a log.
    #[arg(long)]
    pub show_private: bool,

    /// Lines of context around each change in the diffs
    #[arg(short = 'U', long = "unified", value_name = "N", default_value_t = 3)]
    pub context: usize,

    /// Print more to stderr: which programs run and what they print
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Print only warnings and errors to stderr
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
}
