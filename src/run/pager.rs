//! The pager: less(1), if a person reads on a terminal that can page.
//!
//! `$PAGER` can turn the pager off or give other options to less. It cannot name another program or a shell command,
//! because the list of programs is closed.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use super::{DIRECTORIES, Program};
use crate::interrupt;

/// Quit at once if the text fits on the screen, pass colors through, leave the text on the screen.
const OPTIONS: &[&str] = &["-F", "-R", "-X"];

/// The number of lines that fit on the smallest terminal beside a question.
const SCREEN: usize = 16;

/// Shows a text in the pager. Returns whether a person has seen it there. It is not shown if it fits on any screen.
/// It is not shown without a terminal, with `PAGER=cat`, without less, or if less fails, either.
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
    // While less runs, Ctrl-C belongs to it.
    let _held = interrupt::hold();
    let child = Command::new(path)
        .args(&options)
        .env_clear()
        .env("PATH", DIRECTORIES.join(":"))
        .env("TERM", term)
        .env("LESSCHARSET", "utf-8")
        // Keeps a pager that runs as root from starting a shell or an editor or opening a file (less(1), SECURITY).
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
        // A user who has seen enough closes the pipe.
        let _ = pipe.write_all(text);
    }
    child.wait().is_ok_and(|status| status.success())
}

fn terminal() -> Option<OsString> {
    std::env::var_os("TERM").filter(|term| !term.is_empty() && term != "dumb")
}

/// The options for less. `None` if `$PAGER` turns the pager off. The name of another program counts as unset.
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
