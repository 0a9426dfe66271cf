//! Another machine's list, as `postclone identity --format json` printed it there.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::judge::Judge;
use super::marks::Marks;

/// The schema that this postclone reads.
pub const SCHEMA: u32 = 1;

/// The part of the list that is read.
#[derive(Debug, Deserialize)]
pub struct List {
    schema: u32,
    host: String,
    /// The marks that tell the machine apart. Empty if the list is of a tree that was not running.
    pub marks: Marks,
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    item: String,
    hashes: Vec<String>,
}

impl List {
    /// Reads the list.
    ///
    /// # Errors
    /// Something other than a list, or the list of a newer postclone.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let list: Self = serde_json::from_slice(bytes)
            .context("it is not a list of `postclone identity --format json`")?;
        if list.schema != SCHEMA {
            bail!("it has the schema {}, but this postclone knows {SCHEMA}", list.schema);
        }
        Ok(list)
    }

    /// A judge that compares with this list.
    pub fn judge(self) -> Judge<'static> {
        let host = if self.host.is_empty() { "the other machine".to_owned() } else { self.host };
        let mut items = BTreeSet::new();
        for Item { item, hashes } in self.items {
            items.extend(hashes.into_iter().map(|hash| (item.clone(), hash)));
        }
        Judge::Against(host, items)
    }
}
