//! What stays the template's after a fixup.

use crate::identity::item::Harm;
use crate::identity::judge::State;
use crate::identity::look::Looked;

/// Sentences about the kinds that are the template's and that no part of the plan changes. `covered` are the kinds
/// that the plan's parts change.
pub(crate) fn sentences(looked: &Looked, covered: &[&str]) -> Vec<String> {
    let left = |kinds: Vec<&'static str>| -> Vec<&'static str> {
        kinds.into_iter().filter(|kind| !covered.contains(kind)).collect()
    };
    let sure = left(looked.kinds_that(Harm::Always, State::Template));
    let disks = left(looked.kinds_that(Harm::BothDisks, State::Template));
    let mut probable = left(looked.kinds_in(State::Probably));
    probable.retain(|kind| !sure.contains(kind) && !disks.contains(kind));
    let said = match (sure.is_empty(), probable.is_empty()) {
        (true, true) => None,
        (false, true) => Some(sure.join(", ")),
        (true, false) => Some(format!("probably {}", probable.join(", "))),
        (false, false) => Some(format!("{}; probably {}", sure.join(", "), probable.join(", "))),
    };
    let said = said.map(|said| {
        format!(
            "this stays the template's: {said}; `postclone identity` says what harm each does and what changes it"
        )
    });
    let disks = (!disks.is_empty()).then(|| {
        format!(
            "this stays the template's and does harm only while disks of both machines are in one machine: {}; \
             `postclone identity --disks` says what changes each",
            disks.join(", ")
        )
    });
    said.into_iter().chain(disks).collect()
}
