//! The one source of chance of a run: xoshiro256**, seeded, forked by label.
//!
//! Each part of a run draws from its own fork, so that a draw added in one part does not shift all others.

use sha2::{Digest, Sha256};

/// A seeded generator.
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self::from_digest(&Sha256::digest(seed.to_be_bytes()).into())
    }

    /// A generator of its own for the part called `label`.
    #[must_use]
    pub fn fork(&self, label: &str) -> Self {
        let mut hash = Sha256::new();
        for word in self.state {
            hash.update(word.to_be_bytes());
        }
        hash.update(label);
        Self::from_digest(&hash.finalize().into())
    }

    fn from_digest(digest: &[u8; 32]) -> Self {
        let word = |nth: usize| {
            let bytes: [u8; 8] = digest[nth * 8..nth * 8 + 8].try_into().expect("eight bytes of thirty-two");
            u64::from_be_bytes(bytes)
        };
        Self { state: [word(0), word(1), word(2), word(3) | 1] }
    }

    /// The next 64 bits.
    #[expect(
        clippy::should_implement_trait,
        reason = "a source of chance has no end, and nobody iterates over it"
    )]
    pub fn next(&mut self) -> u64 {
        let [s0, s1, s2, s3] = &mut self.state;
        let result = s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = *s1 << 17;
        *s2 ^= *s0;
        *s3 ^= *s1;
        *s1 ^= *s2;
        *s0 ^= *s3;
        *s2 ^= t;
        *s3 = s3.rotate_left(45);
        result
    }

    /// Uniform in `0..limit`; zero for an empty range.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.next() % limit }
    }

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in `per_mille` of a thousand draws.
    pub fn hits(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let nth = usize::try_from(self.below(of.len() as u64)).expect("an index of a slice fits");
        &of[nth]
    }

    /// Fills a buffer.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.next().to_be_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_and_forks_do_not_disturb_each_other() {
        let (mut a, mut b) = (Rng::new(7), Rng::new(7));
        let fork = a.fork("network");
        assert_eq!((a.next(), a.next()), (b.next(), b.next()));
        let mut other = Rng::new(7).fork("network");
        assert_eq!(fork.clone().next(), other.next());
        assert_ne!(Rng::new(7).fork("customers").next(), Rng::new(7).fork("network").next());
    }

    #[test]
    fn draws_stay_in_their_range() {
        let mut rng = Rng::new(1);
        for _ in 0..10_000 {
            assert!((3..=9).contains(&rng.between(3, 9)));
        }
    }
}
