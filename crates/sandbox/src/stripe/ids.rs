//! Identifiers and other opaque text, from a seed and nothing else.

/// A deterministic source of ids: the same seed and the same calls give the same text.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    state: u64,
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): one addition and three mixes, equal on every machine.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// So many letters and digits.
    pub(crate) fn token(&mut self, length: usize) -> String {
        (0..length)
            .map(|_| {
                let index = usize::try_from(self.next() % 62).expect("a number below 62 fits any usize");
                char::from(ALPHABET[index])
            })
            .collect()
    }

    /// An id with Stripe's look for that prefix: its usual length, and the leading digit of its family.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        match prefix {
            "cus" | "si" | "prod" => format!("{prefix}_{}", self.token(14)),
            "li" | "feat" | "ent" => format!("{prefix}_{}", self.token(24)),
            "pi" | "ch" | "py" | "re" | "txn" => format!("{prefix}_3Q{}Nw4kR2vT0n", self.token(12)),
            _ => format!("{prefix}_1Q{}Nw4kR2vT0n", self.token(12)),
        }
    }

    /// The id of a Checkout session, which names its mode.
    pub(crate) fn session(&mut self, livemode: bool) -> String {
        format!("cs_{}_a1{}", if livemode { "live" } else { "test" }, self.token(56))
    }

    /// A random-looking UUID, as Stripe's own idempotency keys are.
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }
}
