//! Replaces the template's MAC address with the present one in configurations that find or set an interface by it.
//! This is done only if there is no doubt: there is one network device, and one address that belongs to no device
//! here.

mod change;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Change;
use crate::exit::refuse;
use crate::guest::cloud_init::CloudInit;
use crate::guest::nics;
use crate::guest::root::Root;
use crate::identity::View;
use crate::identity::items::macs::{form, in_files, mac, written_like};
use crate::plan::{Rewriter, Rewritten, Warning};
use crate::rewrite::edit::{Edit, Form};
use crate::transaction::record::SavedChange;

/// The word under which journals keep this kind.
pub const KIND: &str = "network-macs";

/// cloud-init's own configuration, and the file that it writes for netplan (cloud-init cloudinit/net/netplan.py).
const CLOUD_INIT: &str = "/etc/cloud/cloud.cfg.d";
const CLOUD_INIT_NETPLAN: &str = "/etc/netplan/50-cloud-init.yaml";

/// Replaces addresses.
#[derive(Debug)]
pub struct Renewal {
    kept: Kept,
}

/// What a journal keeps of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    pins: Vec<Pin>,
}

/// An address in a file, as it is written there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pin {
    path: PathBuf,
    old: String,
    new: String,
}

impl Pin {
    fn turned(&self) -> Self {
        Self { path: self.path.clone(), old: self.new.clone(), new: self.old.clone() }
    }
}

/// Reads what a journal keeps of the change.
///
/// # Errors
/// Something that no postclone has written.
pub(crate) fn of(saved: &SavedChange) -> Result<Box<dyn Change>> {
    let kept: Kept = serde_json::from_value(Value::Object(saved.of.clone()))
        .context("reading the change of pinned MAC addresses")?;
    for Pin { path, old, new } in &kept.pins {
        if form(path).is_none() || mac(old).is_none() || mac(new).is_none() {
            bail!("`{}` is not a place where postclone renews a MAC address", path.display());
        }
    }
    Ok(Box::new(Renewal { kept }))
}

/// The renewal that is due, and warnings about addresses that are left.
///
/// # Errors
/// There are several devices or addresses. Only a person can say which of them belong together.
pub fn find(root: &Root) -> Result<(Option<Renewal>, Vec<Warning>)> {
    let view = View::of(root);
    let named = in_files(&view);
    if let Some(trouble) = view.take_troubles().first() {
        return Err(refuse(anyhow!("looking for MAC addresses: {trouble}: run it as root")));
    }
    let mut warnings = Vec::new();
    if !root.is_live() {
        let text = "a tree that is not running has no network interface: run `postclone renew network-macs` in \
                    the clone itself";
        let of = |(path, ..): &(String, _, _)| Warning::about(Path::new(path), text);
        return Ok((None, named.iter().map(of).collect()));
    }
    let here = nics::all();
    let (mut pins, mut others): (Vec<Pin>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    for (path, text, addresses) in named {
        let path = PathBuf::from(path);
        let foreign: Vec<_> =
            addresses.into_iter().filter(|address| !here.contains(&address.mac)).collect();
        if foreign.is_empty() {
            continue;
        }
        if let Some(why) = left(root, &path, &text) {
            warnings.push(Warning::about(&path, why));
            continue;
        }
        for address in foreign {
            others.insert(address.mac);
            let old = text[address.range].to_owned();
            if pins.iter().all(|pin| (&pin.path, &pin.old) != (&path, &old)) {
                pins.push(Pin { path: path.clone(), old, new: String::new() });
            }
        }
    }
    if pins.is_empty() {
        return Ok((None, warnings));
    }
    let paths: BTreeSet<String> =
        pins.iter().map(|pin| format!("`{}`", pin.path.display())).collect();
    let paths = paths.into_iter().collect::<Vec<_>>().join(", ");
    let by_hand = "only a person can say which address belongs to which interface: write the addresses from `ip \
                   link` there by hand, or name the interfaces instead";
    if others.len() > 1 {
        let all = others.into_iter().collect::<Vec<_>>().join(", ");
        return Err(refuse(anyhow!(
            "{paths}: several addresses that no network interface of this machine has ({all}): {by_hand}"
        )));
    }
    let Some(own) = nics::only() else {
        return Err(refuse(anyhow!(
            "{paths}: this machine has no network device with an address of its own, or several: {by_hand}"
        )));
    };
    for pin in &mut pins {
        pin.new = written_like(&own, &pin.old);
    }
    Ok((Some(Renewal { kept: Kept { pins } }), warnings))
}

/// Why a file is left. `None` if it is not.
fn left(root: &Root, path: &Path, text: &str) -> Option<&'static str> {
    if path.extension().is_some_and(|suffix| suffix == "netdev") {
        return Some(
            "it gives a virtual interface its address, and stays as it is: set another address there by hand, or none",
        );
    }
    if text.contains('\u{fffd}') {
        return Some("it is not text, and its address stays as it is");
    }
    if path.starts_with(CLOUD_INIT) {
        return Some(
            "cloud-init makes the network configuration from it for a new instance, and it stays as it is: write \
             the address from `ip link` there by hand, or remove the file",
        );
    }
    let is_its = Path::new(CLOUD_INIT_NETPLAN) == path
        && CloudInit::of(root).is_some_and(|settings| settings.writes_network());
    is_its.then_some(
        "cloud-init writes it for a new instance, and it stays as it is: give the machine its own instance ID, \
         or set `network: {config: disabled}` in /etc/cloud/cloud.cfg.d and run the command again",
    )
}

/// Replaces addresses as they are written.
#[derive(Debug)]
struct Pins(Vec<Pin>);

impl Rewriter for Pins {
    fn patterns(&self) -> Vec<String> {
        let path = |pin: &Pin| pin.path.to_string_lossy().trim_start_matches('/').to_owned();
        self.0.iter().map(path).collect()
    }

    fn rewrite(&self, path: &Path, text: &[u8]) -> Result<Rewritten> {
        let Some(form) = form(path) else { return Ok(Rewritten::nothing(KIND)) };
        let mut found = Rewritten::nothing(form.kind);
        if let Ok(text) = std::str::from_utf8(text) {
            let pins: Vec<_> = self.0.iter().filter(|pin| pin.path == path).collect();
            let pair = |pin: &&Pin| (pin.old.clone(), pin.new.clone());
            found.edits =
                replaced(form.addresses, text, &pins.iter().map(pair).collect::<Vec<_>>());
        }
        Ok(found)
    }
}

/// The edits that replace one address with another, both as they are written.
pub fn replaced(
    addresses: fn(&str) -> Vec<crate::identity::items::macs::Address>,
    text: &str,
    pairs: &[(String, String)],
) -> Vec<Edit> {
    let mut edits = Vec::new();
    for address in addresses(text) {
        let written = &text[address.range.clone()];
        if let Some((_, new)) = pairs.iter().find(|(old, _)| old == written) {
            let (range, token) = (address.range.clone(), address.range);
            let new = new.clone().into_bytes();
            edits.push(Edit { range, new, token, form: Form::MacAddress, volume: None });
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrite::edit::apply;

    const OLD: &str = "52:54:00:AA:00:01";

    fn saved(path: &str, new: &str) -> Result<Box<dyn Change>> {
        let text = format!(
            r#"{{"kind":"network-macs","pins":[{{"path":"{path}","old":"{OLD}","new":"{new}"}}]}}"#
        );
        of(&serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn what_no_postclone_wrote_is_refused() {
        let new = "52:54:00:BB:00:02";
        assert!(saved("/etc/netplan/a.yaml", new).is_ok());
        for (path, new) in [("/etc/shadow", new), ("/etc/netplan/a.yaml", "x\\nroot::0:0")] {
            let said = format!("{:#}", saved(path, new).unwrap_err());
            assert!(said.contains("is not a place where postclone renews a MAC address"), "{said}");
        }
    }

    #[test]
    fn an_address_is_replaced_where_it_is_one_and_as_it_is_written() {
        let path = PathBuf::from("/etc/systemd/network/10-lan.link");
        let pin =
            |old: &str, new: &str| Pin { path: path.clone(), old: old.into(), new: new.into() };
        let pins =
            Pins(vec![pin(OLD, "52:54:00:BB:00:02"), pin("5254.00aa.0001", "5254.00bb.0002")]);
        let text = format!(
            "# {OLD}\n[Match]\nMACAddress={OLD} 5254.00aa.0001 52-54-00-aa-00-01\n[Link]\nName=lan {OLD}\n"
        );
        let found = pins.rewrite(&path, text.as_bytes()).unwrap();
        let after = apply(text.as_bytes(), &found.edits);
        let wanted = format!(
            "# {OLD}\n[Match]\nMACAddress=52:54:00:BB:00:02 5254.00bb.0002 52-54-00-aa-00-01\n[Link]\nName=lan {OLD}\n"
        );
        assert_eq!(String::from_utf8_lossy(&after), wanted);
        assert!(pins.rewrite(&path, &after).unwrap().edits.is_empty());
        let back = Pins(pins.0.iter().map(Pin::turned).collect());
        assert_eq!(apply(&after, &back.rewrite(&path, &after).unwrap().edits), text.as_bytes());
    }
}
