//! Parses arguments, calls the library, ends with its status.

use std::process::ExitCode;

use clap::Parser;
use postclone::{audit, cli, exit, logger, overview, rename, status, undo};

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let result = match &cli.command {
        None => overview::run(),
        Some(cli::Verb::Rename(args)) => rename::run(args),
        Some(cli::Verb::Undo(args)) => undo::run(args),
        Some(cli::Verb::Status(args)) => status::run(args),
        Some(cli::Verb::Audit(args)) => audit::run(args),
        Some(cli::Verb::Completions { shell }) => {
            cli::completions(*shell);
            Ok(exit::Exit::Done)
        }
    };
    let status = result.unwrap_or_else(|error| {
        log::error!("{error:#}");
        for item in exit::items(&error) {
            log::error!(target: logger::ITEM, "{item}");
        }
        exit::status(&error)
    });
    ExitCode::from(status as u8)
}
