//! Keyed hashes, which compare identities without revealing them.
//!
//! machine-id(5) asks for this: the ID is confidential, and only a keyed hash of it should leave the machine. The key
//! is the same everywhere, so that hashes of many machines can be compared. Anyone who can guess a value (a MAC
//! address) can check the guess. Nobody can compute an ID or a key from its hash.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::encoding::hexadecimal;

/// The key. A new one would make every existing record worthless.
const KEY: &[u8] = b"postclone identity 1";

/// The number of bytes that are kept of a hash: 128 bits, like the IDs that it stands for.
const LENGTH: usize = 16;

/// The hash of a value of a kind: 32 hexadecimal digits (HMAC with SHA-256, truncated).
///
/// # Panics
/// Never, because HMAC accepts a key of any length (RFC 2104).
pub fn of(kind: &str, value: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).expect("any length is good");
    mac.update(kind.as_bytes());
    mac.update(&[0]);
    mac.update(value);
    let bytes = mac.finalize().into_bytes();
    hexadecimal(&bytes[..LENGTH])
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_hash_is_of_its_kind_and_value() {
        // `printf 'machine-id\0x' | openssl dgst -sha256 -hmac 'postclone identity 1'`
        assert_eq!(of("machine-id", b"x"), "e2d37ef09eae28f76c1328e08df46a4d");
        assert_ne!(of("machine-id", b"x"), of("machine-id", b"y"));
        assert_ne!(of("a", b"bc"), of("ab", b"c"));
    }
}
