//! Parses arguments, calls the library, ends with its status.

use std::process::ExitCode;

use clap::Parser;
use postclone::{audit, cli, exit, rename, status, undo};

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let result = match &cli.command {
        cli::Verb::Rename(args) => rename::run(args),
        cli::Verb::Undo(args) => undo::run(args),
        cli::Verb::Status(args) => status::run(args),
        cli::Verb::Audit(args) => audit::run(args),
        cli::Verb::Completions { shell } => {
            cli::completions(*shell);
            Ok(exit::Exit::Done)
        }
    };
    let status = result.unwrap_or_else(|error| {
        log::error!("{error:#}");
        exit::status(&error)
    });
    ExitCode::from(status as u8)
}
