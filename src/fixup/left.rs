//! What a fixup leaves to a person, though it is the template's.

use crate::identity::judge::State;
use crate::identity::look::Looked;

/// The kinds that are the template's and that no part of the plan changes, in a sentence; none if there are
/// none. `covered` are the kinds of the plan's parts.
pub(crate) fn sentence(looked: &Looked, covered: &[&str]) -> Option<String> {
    let left = |state: State| -> Vec<&'static str> {
        let kinds = looked.kinds_in(state);
        kinds.into_iter().filter(|kind| !covered.contains(kind)).collect()
    };
    let sure = left(State::Template);
    let probable: Vec<&str> =
        left(State::Probably).into_iter().filter(|kind| !sure.contains(kind)).collect();
    let said = match (sure.is_empty(), probable.is_empty()) {
        (true, true) => return None,
        (false, true) => sure.join(", "),
        (true, false) => format!("probably {}", probable.join(", ")),
        (false, false) => format!("{}; probably {}", sure.join(", "), probable.join(", ")),
    };
    Some(format!(
        "this stays the template's: {said}; `postclone identity` says what harm each does and what changes it"
    ))
}
