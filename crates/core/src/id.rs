//! Ids. Each has its own type, so that two ids of the same primitive never meet in one signature.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Crockford's base 32, lower case: no letter is mistaken for a digit when read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// The canonical id of one customer, `fdc_…`.
    ///
    /// Derived from the journal entry that first needed the customer, so that a rebuild from the
    /// journal gives the same id. See [`CustomerId::first_needed_by`].
    CustomerId
);
text_id!(
    /// The id of one journal entry, `fde_…`. Made from the ports' clock and randomness.
    EntryId
);
text_id!(
    /// The name of one source in the configuration, such as `stripe`.
    SourceId
);
text_id!(
    /// The name of one entitlement in the catalogue, such as `community`.
    EntitlementId
);
text_id!(
    /// The name of one plan in the catalogue, such as `pro`.
    PlanId
);

impl CustomerId {
    /// The id of the customer that the journal entry `entry` was the first to need.
    ///
    /// ```
    /// use frontdesk_core::id::{CustomerId, EntryId};
    /// let entry = EntryId::new("fde_01jd");
    /// assert_eq!(CustomerId::first_needed_by(&entry, 0), CustomerId::first_needed_by(&entry, 0));
    /// assert_ne!(CustomerId::first_needed_by(&entry, 0), CustomerId::first_needed_by(&entry, 1));
    /// ```
    ///
    /// `nth` counts the records that one entry needs, from zero: an answer that lists strangers
    /// can need several.
    pub fn first_needed_by(entry: &EntryId, nth: u32) -> Self {
        let digest = Sha256::digest(format!("customer\0{entry}\0{nth}"));
        Self(format!("fdc_{}", base32(&digest[..10])))
    }
}

impl EntryId {
    /// Makes an id that sorts by time: 48 bits of milliseconds since 1970, then 80 random bits.
    pub fn from_parts(millis: u64, random: [u8; 10]) -> Self {
        let mut bytes = [0u8; 16];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&random);
        Self(format!("fde_{}", base32(&bytes)))
    }
}

/// Five bits a letter, the first bits first; the last letter is padded with zeros.
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[((held >> bits) & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[((held << (5 - bits)) & 31) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_ids_sort_by_time() {
        let early = EntryId::from_parts(1_764_000_000_000, [0xff; 10]);
        let late = EntryId::from_parts(1_764_000_000_001, [0; 10]);
        assert!(early < late);
        assert_eq!(early.as_str().len(), "fde_".len() + 26);
    }

    #[test]
    fn base32_is_injective_on_short_inputs() {
        let mut seen = std::collections::BTreeSet::new();
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                assert!(seen.insert(base32(&[a, b])));
            }
        }
    }
}
