//! The pager: less(1), if a person reads on a terminal that can page.
//!
//! `$PAGER` is heeded as far as the closed list of programs goes: it may turn the pager off or give
//! less other options, and never names another program or a shell's command.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use super::{DIRECTORIES, Program};
use crate::interrupt;

/// Ends at once with what fits a screen, passes colours on, leaves the text on the screen.
const OPTIONS: &[&str] = &["-F", "-R", "-X"];

/// Lines that the smallest terminal shows beside a question.
const SCREEN: usize = 16;

/// Shows a text in the pager, and says whether a person has had it before them: not what any screen
/// holds, nor without a terminal, with `PAGER=cat`, without less, or where less failed.
pub fn show(text: &[u8]) -> bool {
    if text.iter().filter(|byte| **byte == b'\n').count() <= SCREEN {
        return false;
    }
    let stands = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let (Some(term), true) = (terminal(), stands) else { return false };
    let pager = std::env::var("PAGER").ok();
    let (Some(options), Some(path)) = (options(pager.as_deref()), Program::Less.find()) else {
        return false;
    };
    log::debug!("running `less {}`", options.join(" "));
    // Ctrl-C is less's own while it runs.
    let _held = interrupt::hold();
    let child = Command::new(path)
        .args(&options)
        .env_clear()
        .env("PATH", DIRECTORIES.join(":"))
        .env("TERM", term)
        .env("LESSCHARSET", "utf-8")
        // No shell, editor or file out of a pager that runs as root (less(1), SECURITY).
        .env("LESSSECURE", "1")
        .env("LESSHISTFILE", "-")
        .stdin(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            log::debug!("starting `less`: {error}");
            return false;
        }
    };
    if let Some(mut pipe) = child.stdin.take() {
        // One who has seen enough closes the pipe.
        let _ = pipe.write_all(text);
    }
    child.wait().is_ok_and(|status| status.success())
}

fn terminal() -> Option<OsString> {
    std::env::var_os("TERM").filter(|term| !term.is_empty() && term != "dumb")
}

/// The options for less; `None` where `$PAGER` wants no pager. Another program's name counts as
/// unset.
fn options(pager: Option<&str>) -> Option<Vec<String>> {
    let usual = || OPTIONS.iter().map(|option| (*option).to_owned());
    let Some(pager) = pager else { return Some(usual().collect()) };
    let mut words = pager.split_whitespace();
    let program = words.next().and_then(|program| program.rsplit('/').next());
    match program {
        None | Some("cat") => None,
        Some("less") => {
            let own: Vec<String> =
                words.filter(|word| word.starts_with('-')).map(str::to_owned).collect();
            Some(if own.is_empty() { usual().collect() } else { own })
        }
        Some(_) => Some(usual().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_no_program() {
        let words = |pager| options(pager).map(|options| options.join(" "));
        assert_eq!(words(None).as_deref(), Some("-F -R -X"));
        assert_eq!(words(Some("less")).as_deref(), Some("-F -R -X"));
        assert_eq!(words(Some("/usr/bin/less -R -S /etc/shadow")).as_deref(), Some("-R -S"));
        assert_eq!(words(Some("sh -c 'id'")).as_deref(), Some("-F -R -X"));
        assert_eq!(words(Some("more")).as_deref(), Some("-F -R -X"));
        assert_eq!(words(Some("cat")), None);
        assert_eq!(words(Some("")), None);
    }
}
