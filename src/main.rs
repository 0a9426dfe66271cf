//! Parses arguments, calls the library, ends with its status.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use postclone::run::thawer;
use postclone::verbs::{
    audit, fixup, forget_secrets, identity, overview, rename, rename_host, rename_lv, renew, seal,
    status, undo,
};
use postclone::{cli, exit};

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    if words.next().is_some_and(|name| name == thawer::NAME) {
        return thawer::run(Path::new(&words.next().unwrap_or_default()));
    }
    let cli = cli::Cli::parse();
    let result = match &cli.command {
        None => overview::run(),
        Some(cli::Verb::Fixup(args)) => fixup::run(args),
        Some(cli::Verb::Rename(args)) => rename::run(args),
        Some(cli::Verb::RenameLv(args)) => rename_lv::run(args),
        Some(cli::Verb::RenameHost(args)) => rename_host::run(args),
        Some(cli::Verb::Renew(args)) => renew::run(args),
        Some(cli::Verb::Undo(args)) => undo::run(args),
        Some(cli::Verb::Status(args)) => status::run(args),
        Some(cli::Verb::Audit(args)) => audit::run(args),
        Some(cli::Verb::Identity(args)) => identity::run(args),
        Some(cli::Verb::Seal(args)) => seal::run(args),
        Some(cli::Verb::ForgetSecrets) => forget_secrets::run(),
        Some(cli::Verb::Completions { shell }) => {
            cli::completions(*shell);
            Ok(exit::Exit::Done)
        }
    };
    let status = result.unwrap_or_else(|error| exit::report(&error));
    ExitCode::from(status as u8)
}
