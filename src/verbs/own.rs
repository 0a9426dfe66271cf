//! Items that are already a clone's own. They are not renewed unless the user insists.

use std::borrow::Cow;

use anyhow::{Result, anyhow};
use clap::ValueEnum as _;

use crate::cli::Item;
use crate::exit::refuse;
use crate::guest::root::Root;
use crate::identity::judge::State;
use crate::identity::look::{self, Looked};
use crate::plan::Warning;

/// The wanted items that are certainly this machine's own according to the record, and warnings about them. `named`
/// are the items that the user named. `looked` is what was seen of the machine, if that is known already.
///
/// # Errors
/// An item that the user named. It is renewed only with `--force`.
pub(super) fn left(
    root: &Root,
    looked: Option<&Looked>,
    wanted: &[Item],
    named: &[Item],
) -> Result<(Vec<Item>, Vec<Warning>)> {
    let (mut left, mut told) = (Vec::new(), Vec::new());
    // An address that belongs to no network card here is nobody's own.
    let wanted = wanted.iter().copied().filter(|item| *item != Item::NetworkMacs);
    let wanted: Vec<Item> = wanted.collect();
    let rows = if let Some(looked) = looked {
        looked.certain().map(Cow::Borrowed)
    } else {
        let kinds: Vec<&str> =
            wanted.iter().flat_map(|item| item.kinds().iter().copied()).collect();
        look::certain(root, &kinds).map_err(refuse)?.map(Cow::Owned)
    };
    let Some(rows) = rows else { return Ok((left, told)) };
    for item in &wanted {
        let of_item = rows.iter().filter(|row| item.kinds().contains(&row.item));
        let there: Vec<_> = of_item.filter(|row| row.state != State::Absent).collect();
        let Some(first) = there.first() else { continue };
        if there.iter().any(|row| row.state != State::Own) {
            continue;
        }
        let value = item.to_possible_value();
        let (word, why) = (value.as_ref().map_or("", |value| value.get_name()), &first.evidence);
        if named.contains(item) {
            return Err(refuse(anyhow!(
                "{word}: already this machine's own ({why}): use --force to renew it all the same"
            )));
        }
        left.push(*item);
        told.push(Warning::general(format!(
            "{word}: already this machine's own ({why}): nothing to renew"
        )));
    }
    Ok((left, told))
}
