//! Says in one line which of a machine's identities are another machine's.

use serde::Serialize;

use super::item::Harm;
use super::judge::State;
use super::look::{Looked, Standing};

/// The kinds that are another machine's, by their words.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// What the machine is, compared with those on record.
    pub machine: Standing,
    /// Kinds that are the template's.
    pub template: Vec<&'static str>,
    /// Kinds that are probably the template's.
    pub probably: Vec<&'static str>,
    /// Kinds that are the template's, but do harm only while disks of both machines are in one machine.
    pub both_disks: Vec<&'static str>,
}

impl Summary {
    /// The summary of a look.
    pub fn of(looked: &Looked) -> Self {
        Self {
            machine: looked.standing,
            template: looked.kinds_that(Harm::Always, State::Template),
            probably: looked.kinds_in(State::Probably),
            both_disks: looked.kinds_that(Harm::BothDisks, State::Template),
        }
    }

    /// Its line: a label and a text.
    pub fn line(&self) -> (&'static str, String) {
        let probably = || format!("probably {}", self.probably.join(", "));
        let text = match (self.template.is_empty(), self.probably.is_empty()) {
            (true, true) if matches!(self.machine, Standing::Unknown | Standing::Same) => {
                "nothing known: no earlier machine is on record".to_owned()
            }
            (true, true) if !self.both_disks.is_empty() => {
                "nothing known to do harm while the disks of both are apart".to_owned()
            }
            (true, true) => "nothing known".to_owned(),
            (true, false) => probably(),
            (false, true) => self.template.join(", "),
            (false, false) => format!("{}; {}", self.template.join(", "), probably()),
        };
        ("the template's", text)
    }
}
