//! The command line.

mod fixup_args;
mod identity_args;
mod renew_args;
mod run_args;

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::guest::host;
use crate::host::Spelling;
use crate::names::{LvName, VgName};
use crate::severity::Severity;
pub use fixup_args::{FixupArgs, Part};
pub use identity_args::{IdentityArgs, SealArgs};
pub use renew_args::{Item, RenewArgs};
pub use run_args::RunArgs;

/// Make a cloned machine a machine of its own.
///
/// Run `postclone fixup` once, as root, inside a clone. It shows every change as a diff, asks, and
/// gives the machine its own name, IDs and keys: host name, LVM volume group, machine ID, SSH host
/// keys. It checks the result. Then reboot. `postclone undo` undoes the run.
///
/// Without a command, postclone says what it sees, and which command to run next.
#[derive(Debug, Parser)]
#[command(name = "postclone", version, max_term_width = 80, help_expected = true)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Option<Verb>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a clone a machine of its own: names, IDs and keys, in one run
    Fixup(FixupArgs),
    /// Rename a volume group everywhere
    Rename(RenameArgs),
    /// Rename a logical volume everywhere
    RenameLv(RenameLvArgs),
    /// Rename the host everywhere
    RenameHost(RenameHostArgs),
    /// Give a clone its own IDs and keys
    Renew(RenewArgs),
    /// Undo the last run completely
    Undo(UndoArgs),
    /// Show the volume group of /, the last run, and what to do next
    Status(StatusArgs),
    /// List everything that still names a group, by severity
    Audit(AuditArgs),
    /// List what in this machine is still its template's
    Identity(IdentityArgs),
    /// In a template: record what it has, so that clones can be told apart from it
    Seal(SealArgs),
    /// Drop the old keys in journals, after a good boot
    #[command(hide = true)]
    ForgetSecrets,
    /// Print a completion script for a shell
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Arguments of `postclone rename`.
#[derive(Debug, Args)]
pub struct RenameArgs {
    /// The present name of the group [default: the group that holds /]
    #[arg(value_name = "OLD")]
    pub old: Option<VgName>,

    /// The new name of the group [default: OLD with this host's name in it]
    #[arg(value_name = "NEW", value_parser = parse_new)]
    pub new: Option<VgName>,

    /// Build NEW from this host name instead of the present one
    ///
    /// For a clone that still has its template's host name. The host name itself does not change.
    #[arg(long, value_name = "NAME", value_parser = parse_host, conflicts_with = "new")]
    pub to_hostname: Option<String>,

    /// Rename the group with this UUID
    ///
    /// For two groups of one name, as when a clone's disk is attached beside its template's. `vgs -o
    /// +vg_uuid` shows the UUIDs.
    #[arg(long, value_name = "UUID")]
    pub vg_uuid: Option<String>,

    /// Finish a run that was interrupted, as its journal says
    #[arg(long, conflicts_with_all = ["old", "new", "to_hostname", "vg_uuid", "dry_run", "files_only", "no_initramfs", "lvm_report", "also"])]
    pub resume: bool,

    /// Options of the run
    #[command(flatten)]
    pub run: RunArgs,
}

/// Arguments of `postclone rename-lv`.
#[derive(Debug, Args)]
pub struct RenameLvArgs {
    /// The volume's group and present name
    #[arg(value_name = "GROUP/OLD", value_parser = parse_volume)]
    pub volume: (VgName, LvName),

    /// The volume's new name
    #[arg(value_name = "NEW", value_parser = parse_new_volume)]
    pub new: LvName,

    /// Options of the run
    #[command(flatten)]
    pub run: RunArgs,
}

/// Arguments of `postclone rename-host`.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub struct RenameHostArgs {
    /// The old host name [default: the present one]
    ///
    /// For a host that already has its new name, while other places still have OLD.
    #[arg(value_name = "OLD", value_parser = parse_host_name)]
    pub old: Option<Spelling>,

    /// The new host name, short or with its domain
    ///
    /// Without a domain, the host keeps the domain of OLD.
    #[arg(value_name = "NEW", value_parser = parse_host_name)]
    pub new: Spelling,

    /// Options of the run
    #[command(flatten)]
    pub run: RunArgs,
}

/// Arguments of `postclone undo`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)]
pub struct UndoArgs {
    /// Do not ask before changing anything
    #[arg(short, long)]
    pub yes: bool,

    /// Put old bytes back even if the files were changed since
    ///
    /// The present bytes are kept in the journal's directory.
    #[arg(long)]
    pub force: bool,

    /// Work on the system whose / is mounted at DIR
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    /// Print more to stderr: which programs run and what they print
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Print only warnings and errors to stderr
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// Arguments of `postclone status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Look at the system whose / is mounted at DIR
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    /// Print the proof of the next boot as well; exit with status 1 if a row fails
    ///
    /// The proof lists every kernel, image, argument and device that the next boot reads, and says
    /// whether it exists.
    #[arg(long)]
    pub boot: bool,

    /// How to print the status
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Arguments of `postclone audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// The name to search for [default: the name that the last run replaced]
    #[arg(value_name = "NAME")]
    pub name: Option<VgName>,

    /// Search the system whose / is mounted at DIR
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    /// Print findings of this severity and worse ones
    ///
    /// The exit status depends on these findings only.
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = Severity::Cosmetic)]
    pub severity: Severity,

    /// Read the groups and volumes from FILE instead of asking LVM
    ///
    /// FILE holds the output of `lvm fullreport -a --reportformat json`.
    #[arg(long, value_name = "FILE")]
    pub lvm_report: Option<PathBuf>,

    /// Print lines of private files to any output
    ///
    /// A file is private if not everybody may read it. Without this option, such lines go only to a
    /// terminal, as text. Elsewhere only the name is printed.
    #[arg(long)]
    pub show_private: bool,

    /// How to print the findings
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// When to colour the output
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,

    /// Print more to stderr: which programs run and what they print
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Print only warnings and errors to stderr
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people; a plan is a patch for patch(1)
    Text,
    /// One JSON document
    Json,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Colour {
    /// Whether stdout gets colours (no-color.org for `NO_COLOR`).
    pub fn on_stdout(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                std::io::stdout().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }
}

/// Writes a completion script to stdout.
pub fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "postclone", &mut std::io::stdout());
}

fn parse_new(argument: &str) -> Result<VgName, crate::names::NameError> {
    VgName::rename_target(argument.strip_prefix("/dev/").unwrap_or(argument))
}

fn parse_volume(argument: &str) -> Result<(VgName, LvName), String> {
    let plain = argument.strip_prefix("/dev/").unwrap_or(argument);
    let (group, volume) = plain.split_once('/').ok_or("give it as GROUP/OLD")?;
    let group = VgName::new(group).map_err(|error| error.to_string())?;
    let volume = LvName::new(volume).map_err(|error| error.to_string())?;
    Ok((group, volume))
}

fn parse_new_volume(argument: &str) -> Result<LvName, crate::names::NameError> {
    LvName::user_given(argument)
}

fn parse_host_name(argument: &str) -> Result<Spelling, String> {
    Spelling::new(argument).map_err(|error| error.to_string())
}

fn parse_host(argument: &str) -> Result<String, &'static str> {
    host::short(argument)
        .map(str::to_owned)
        .ok_or("it cannot be a host name: use at most 64 letters, digits and hyphens")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
