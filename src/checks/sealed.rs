//! LUKS volumes that the TPM unlocks only for the boot that was measured.
//!
//! The firmware, GRUB, systemd-boot and the kernel measure what they load into registers of the TPM: 4 for
//! the code of boot loader and kernel, 8 for GRUB's commands and the kernel command line, 9 for files that
//! GRUB and the kernel's stub load, 11 and 12 for a unified kernel image and its command line (systemd
//! docs/TPM2_PCR_MEASUREMENTS.md; GRUB's manual, Measured Boot). A rename changes some of them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;

use serde_json::Value;

use crate::blkid::Devices;
use crate::change::Job;
use crate::encoding::base64_or_url;

/// Registers that a new image or a new command line changes.
const CHANGED: &[u64] = &[4, 8, 9, 11, 12];

/// The magic of LUKS2, and where its JSON begins (LUKS2 on-disk format, 2.1).
const MAGIC: &[u8] = b"LUKS\xba\xbe\x00\x02";
const JSON_AT: usize = 4096;

/// The largest header that cryptsetup creates (LUKS2 on-disk format, 2.3).
const MAX_HEADER: u64 = 4 << 20;

/// The option that makes systemd ask the TPM, and files that may have it (crypttab(5),
/// systemd-cryptsetup-generator(8)).
const OPTION: &str = "tpm2-device=";
const FILES: &[&str] = &["/etc/crypttab", "/etc/kernel/cmdline", "/etc/default/grub"];

/// What the user should prepare for the next boot. Checks the LUKS2 headers of the devices that blkid
/// reports. If no header has a binding, warns of the option in the system's files.
pub(super) fn warnings(job: &Job) -> Vec<String> {
    let devices = job.devices.as_ref().and_then(|devices| devices.as_ref().ok());
    let mut told = Vec::new();
    let mut any = false;
    for path in devices.into_iter().flat_map(Devices::encrypted) {
        for binding in header(path).map(|json| bindings(&json)).unwrap_or_default() {
            any = true;
            told.extend(binding.warning(path));
        }
    }
    if any {
        return told;
    }
    let has_option = |path: &&&str| {
        let text = job.root.read_text(path).unwrap_or_default();
        text.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(OPTION))
    };
    let file = FILES.iter().find(has_option);
    told.extend(file.map(|file| {
        format!(
            "`{file}` has `{OPTION}`: if the TPM's key is bound to measurements of the kernel, image or command \
             line (PCR 4, 8, 9, 11 or 12), the next boot asks for the passphrase: have it ready, and bind the \
             key again after the reboot, see systemd-cryptenroll(1); no LUKS2 header with a binding was found"
        )
    }));
    told
}

/// The JSON in a LUKS2 header. None if there is no such header, or if it cannot be read.
fn header(path: &str) -> Option<Value> {
    let mut device = File::open(path).ok()?;
    let mut start = [0; 16];
    device.read_exact(&mut start).ok()?;
    if !start.starts_with(MAGIC) {
        return None;
    }
    let size = u64::from_be_bytes(start[8..].try_into().ok()?);
    let mut rest = Vec::new();
    device.take(size.min(MAX_HEADER).checked_sub(16)?).read_to_end(&mut rest).ok()?;
    let json = rest.get(JSON_AT - 16..)?;
    let end = json.iter().position(|byte| *byte == 0).unwrap_or(json.len());
    serde_json::from_slice(&json[..end]).ok()
}

/// A key that the TPM protects.
#[derive(Debug, PartialEq, Eq)]
struct Binding {
    by_clevis: bool,
    /// Registers that must not change.
    registers: BTreeSet<u64>,
    /// Whether a policy of systemd-pcrlock(8) has the registers.
    locked: bool,
    slot: String,
}

fn bindings(header: &Value) -> Vec<Binding> {
    let tokens = header["tokens"].as_object().into_iter().flatten();
    tokens
        .filter_map(|(_, token)| {
            let slot = token["keyslots"][0].as_str().unwrap_or("SLOT").to_owned();
            match token["type"].as_str()? {
                "systemd-tpm2" => Some(Binding {
                    by_clevis: false,
                    registers: ["tpm2-pcrs", "tpm2_pubkey_pcrs"]
                        .iter()
                        .flat_map(|key| numbers(&token[*key]))
                        .collect(),
                    locked: token["tpm2_pcrlock"] == true,
                    slot,
                }),
                "clevis" => {
                    let mut registers = BTreeSet::new();
                    let text = token["jwe"]["protected"].as_str()?;
                    let is_tpm = clevis(text, &mut registers, 0);
                    is_tpm.then_some(Binding { by_clevis: true, registers, locked: false, slot })
                }
                _ => None,
            }
        })
        .collect()
}

/// The numbers in a list, or in a text with commas or plus signs.
fn numbers(value: &Value) -> Vec<u64> {
    match value {
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        Value::Number(number) => number.as_u64().into_iter().collect(),
        Value::String(text) => {
            text.split([',', '+']).filter_map(|number| number.trim().parse().ok()).collect()
        }
        _ => Vec::new(),
    }
}

/// Adds the registers of a clevis pin, and of pins inside a shared secret (clevis-encrypt-tpm2(1),
/// clevis-encrypt-sss(1)). Returns whether one of them uses a TPM.
fn clevis(protected: &str, registers: &mut BTreeSet<u64>, depth: u8) -> bool {
    let json =
        base64_or_url(protected).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let Some(json) = json.filter(|_| depth < 4) else { return false };
    let pin = &json["clevis"];
    let mut any = pin["tpm2"].is_object();
    registers.extend(numbers(&pin["tpm2"]["pcr_ids"]));
    for share in pin["sss"]["jwe"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        any |= clevis(share.split('.').next().unwrap_or_default(), registers, depth + 1);
    }
    any
}

impl Binding {
    /// The warning about a binding. None if nothing changes that the key is bound to.
    fn warning(&self, device: &str) -> Option<String> {
        let hit = self.registers.iter().filter(|register| CHANGED.contains(register));
        let hit: Vec<String> = hit.map(u64::to_string).collect();
        if hit.is_empty() && !self.locked {
            return None;
        }
        let bound = if hit.is_empty() {
            "if the policy of systemd-pcrlock(8) is met".to_owned()
        } else {
            format!("if PCR {} did not change", hit.join(", "))
        };
        let all: Vec<String> = self.registers.iter().map(u64::to_string).collect();
        let slot = &self.slot;
        let anew = match (self.locked, self.by_clevis) {
            (true, _) => "make the policy again with `systemd-pcrlock make-policy`".to_owned(),
            (_, true) => {
                format!(
                    "bind it again after the reboot with `clevis luks regen -d {device} -s {slot}`"
                )
            }
            (_, false) => format!(
                "bind it again after the reboot with `systemd-cryptenroll --wipe-slot=tpm2 --tpm2-device=auto \
                 --tpm2-pcrs={} {device}` and the same options as before",
                all.join("+")
            ),
        };
        Some(format!(
            "the TPM opens `{device}` only {bound}, and new images or another kernel command line change these \
             measurements: the next boot may ask for the passphrase: have it ready; {anew}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn of(tokens: &Value) -> Vec<Option<String>> {
        let json = serde_json::json!({"keyslots": {}, "tokens": tokens}).to_string();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut bytes = vec![0; 16384];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&16384_u64.to_be_bytes());
        bytes[JSON_AT..JSON_AT + json.len()].copy_from_slice(json.as_bytes());
        file.write_all(&bytes).unwrap();
        let json = header(file.path().to_str().unwrap()).unwrap();
        bindings(&json).iter().map(|binding| binding.warning("/dev/vda3")).collect()
    }

    #[test]
    fn a_binding_is_told_of_where_what_is_measured_changes() {
        let systemd = |registers: &[u64], signed: &[u64]| {
            serde_json::json!({"0": {"type": "systemd-tpm2", "keyslots": ["1"],
                "tpm2-pcrs": registers, "tpm2_pubkey_pcrs": signed}})
        };
        assert_eq!(of(&systemd(&[7], &[])), [None]);
        let told = of(&systemd(&[7, 9], &[11])).remove(0).unwrap();
        assert!(
            told.starts_with("the TPM opens `/dev/vda3` only if PCR 9, 11 did not change"),
            "{told}"
        );
        assert!(told.contains("--tpm2-pcrs=7+9+11 /dev/vda3`"), "{told}");
        let locked = serde_json::json!({"0": {"type": "systemd-tpm2", "tpm2_pcrlock": true}});
        assert!(of(&locked).remove(0).unwrap().contains("systemd-pcrlock make-policy"));
        assert!(of(&serde_json::json!({"0": {"type": "systemd-recovery"}})).is_empty());
    }

    #[test]
    fn clevis_pins_are_looked_into() {
        // {"clevis":{"pin":"tpm2","tpm2":{"pcr_bank":"sha256","pcr_ids":"7,8"}}}
        let pin = "eyJjbGV2aXMiOnsicGluIjoidHBtMiIsInRwbTIiOnsicGNyX2JhbmsiOiJzaGEyNTYiLCJwY3JfaWRzIjoiNyw4In19fQ";
        let token = |protected: &str| serde_json::json!({"1": {"type": "clevis", "keyslots": ["2"], "jwe": {"protected": protected}}});
        let told = of(&token(pin)).remove(0).unwrap();
        assert!(
            told.contains("PCR 8") && told.contains("`clevis luks regen -d /dev/vda3 -s 2`"),
            "{told}"
        );
        // {"clevis":{"pin":"tang"}}: uses no TPM.
        assert!(of(&token("eyJjbGV2aXMiOnsicGluIjoidGFuZyJ9fQ")).is_empty());
        let mut registers = BTreeSet::new();
        // {"clevis":{"pin":"sss","sss":{"jwe":["PIN..."]}}}, written by hand.
        let outer = format!("{{\"clevis\":{{\"sss\":{{\"jwe\":[\"{pin}.x.y\"]}}}}}}");
        assert!(clevis(&encoded(outer.as_bytes()), &mut registers, 0));
        assert_eq!(registers, BTreeSet::from([7, 8]));
    }

    fn encoded(bytes: &[u8]) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let mut bits = 0_usize;
            for at in 0..3 {
                bits = bits << 8 | usize::from(*chunk.get(at).unwrap_or(&0));
            }
            for at in 0..=chunk.len() {
                text.push(char::from(LETTERS[bits >> (18 - 6 * at) & 63]));
            }
        }
        text
    }

    #[test]
    fn what_is_no_header_is_none() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"LUKS\xba\xbe\x00\x01").unwrap();
        assert!(header(file.path().to_str().unwrap()).is_none());
        assert!(header("/nowhere").is_none());
    }
}
