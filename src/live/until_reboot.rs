//! Acts in the running system after a change of LVM's names. The dm nodes keep the old names until the next boot.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::links::{self, Linked};
use super::reboot::{self, Nodes};
use crate::plan::Phase;
use crate::printable::count;
use crate::transaction::record::Direction;

/// One act.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum UntilReboot {
    /// Give every volume its device links under both names until the next boot.
    LinkNames {
        /// Number of volumes.
        volumes: usize,
    },
    /// Until the next boot: keep generators from writing the old name, and request the reboot.
    AwaitReboot,
}

/// What the acts are about.
#[derive(Debug)]
pub struct Renamed {
    /// The volumes whose nodes keep their names.
    pub linked: Vec<Linked>,
    /// What had this name before and no longer has it, in words.
    pub from: String,
    /// The name that it has now.
    pub to: String,
    /// Its dm nodes.
    pub nodes: Nodes,
}

impl UntilReboot {
    /// The acts that this system needs.
    pub fn all(volumes: usize) -> Vec<Self> {
        let links = (super::has_udev() && volumes > 0).then_some(Self::LinkNames { volumes });
        let waits = super::has_run().then_some(Self::AwaitReboot);
        links.into_iter().chain(waits).collect()
    }

    /// The phase of a run.
    pub fn phase(&self) -> Phase {
        match self {
            Self::LinkNames { .. } => Phase::Links,
            Self::AwaitReboot => Phase::Live,
        }
    }

    /// The act in words for people.
    pub fn words(&self, direction: Direction) -> String {
        match (self, direction) {
            (Self::LinkNames { volumes }, Direction::Forward) => {
                format!("link {} under both names until the next boot", count(*volumes, "volume"))
            }
            (Self::LinkNames { .. }, Direction::Backward) => {
                "correct the links of the volumes".to_owned()
            }
            (Self::AwaitReboot, Direction::Forward) => {
                "keep the old name from coming back before the reboot, and request the reboot"
                    .to_owned()
            }
            (Self::AwaitReboot, Direction::Backward) => {
                "remove what waits for the reboot".to_owned()
            }
        }
    }

    /// Carries out the act. Returns what was seen afterwards.
    pub fn take(&self, renamed: &Renamed) -> Result<Option<String>> {
        let Renamed { linked, from, to, nodes } = renamed;
        match self {
            Self::LinkNames { volumes } => {
                links::settle(linked, from, to)?;
                Ok(Some(format!("{} linked under the name {to}", count(*volumes, "volume"))))
            }
            Self::AwaitReboot => {
                if links::are_needed(linked) {
                    reboot::announce(from, to, nodes)?;
                } else {
                    reboot::withdraw()?;
                }
                Ok(None)
            }
        }
    }
}
