//! Another machine's list, as `postclone identity --format json` printed it there.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::judge::Judge;
use super::marks::Marks;

/// The schema that this postclone reads.
pub const SCHEMA: u32 = 1;

/// What is read of it.
#[derive(Debug, Deserialize)]
pub struct List {
    schema: u32,
    host: String,
    /// What the machine is told by; empty where it was a tree that did not run.
    pub marks: Marks,
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    item: String,
    hashes: Vec<String>,
}

impl List {
    /// Reads it.
    ///
    /// # Errors
    /// Something else, and a list of a newer postclone.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let list: Self = serde_json::from_slice(bytes)
            .context("it is not a list of `postclone identity --format json`")?;
        if list.schema != SCHEMA {
            bail!("it has the schema {}, but this postclone knows {SCHEMA}", list.schema);
        }
        Ok(list)
    }

    /// To be compared with it.
    pub fn judge(self) -> Judge<'static> {
        let host = if self.host.is_empty() { "the other machine".to_owned() } else { self.host };
        let mut items = BTreeSet::new();
        for Item { item, hashes } in self.items {
            items.extend(hashes.into_iter().map(|hash| (item.clone(), hash)));
        }
        Judge::Against(host, items)
    }
}
