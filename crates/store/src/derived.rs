//! One hash over everything that is derived from the journal: what `rebuild --check` compares (I12).

use crate::{Error, Store};
use frontdesk_core::record::Record;
use sha2::{Digest, Sha256};

/// Customers that one page reads.
const PAGE: u32 = 200;

/// A hash over records: their ids, ties and facts, in the order of the ids.
#[derive(Clone, Debug, Default)]
pub struct DerivedHash {
    digest: Sha256,
    last: String,
}

impl DerivedHash {
    /// Takes in the next record.
    ///
    /// # Panics
    ///
    /// When the records do not come in the order of their ids: the hash would mean nothing.
    pub fn add(&mut self, record: &Record) {
        assert!(record.id.as_str() > self.last.as_str(), "records are hashed in the order of their ids");
        record.id.as_str().clone_into(&mut self.last);
        let facts: Vec<_> = record.facts.iter().collect();
        let json = serde_json::to_vec(&(&record.id, &record.ties, facts))
            .expect("a record is made of texts and numbers");
        self.digest.update(json);
        self.digest.update(b"\n");
    }

    /// The hash, hex.
    pub fn finish(self) -> String {
        hex::encode(self.digest.finalize())
    }
}

impl Store {
    /// The hash over all live records. Meaningful while nothing is applied meanwhile.
    pub async fn derived_hash(&self) -> Result<String, Error> {
        let mut hash = DerivedHash::default();
        let mut after = None;
        loop {
            let page = self.customers(None, after.as_ref(), PAGE).await?;
            let ids: Vec<_> = page.into_iter().map(|row| row.id).collect();
            let Some(last) = ids.last() else { return Ok(hash.finish()) };
            after = Some(last.clone());
            for loaded in self.records(&ids).await? {
                hash.add(&loaded.record);
            }
        }
    }
}
