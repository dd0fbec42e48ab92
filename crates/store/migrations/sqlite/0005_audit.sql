-- The audit log: append-only, one chain of hashes per customer. Personal fields stand apart under
-- salted commitments, so that they can be erased and the chains still verify.

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- C1: order over all chains
    customer_id TEXT NOT NULL, -- C1: whose chain
    nth INTEGER NOT NULL, -- C1: place in the chain, from 1
    at INTEGER NOT NULL, -- C1: when
    action TEXT NOT NULL, -- C0: what was done
    cause TEXT NOT NULL, -- C1: the journal entry, person or timer that caused it
    node TEXT NOT NULL, -- C1: the node that did it
    before TEXT NOT NULL, -- C1: JSON, what held before; no personal field
    after TEXT NOT NULL, -- C1: JSON, what held after; no personal field
    linked_customer_id TEXT, -- C1: the other chain of a merge or split
    linked_hash TEXT, -- C1: that chain's head then
    prev_hash TEXT NOT NULL, -- C1: hash of the entry before; empty for the first
    hash TEXT NOT NULL UNIQUE, -- C1: SHA-256 over all of the above and the commitments, hex
    UNIQUE (customer_id, nth)
) STRICT;

CREATE TABLE audit_personal (
    audit_seq INTEGER NOT NULL REFERENCES audit (seq), -- C1: the entry
    field TEXT NOT NULL, -- C0: the field's name
    commitment TEXT NOT NULL, -- C1: SHA-256 of salt and value, hex; all that the chain's hash covers
    salt BLOB, -- C2: random bytes; null once erased
    value TEXT, -- C2: the personal value; null once erased
    PRIMARY KEY (audit_seq, field)
) STRICT;

CREATE TABLE audit_head (
    customer_id TEXT PRIMARY KEY NOT NULL, -- C1: whose chain
    hash TEXT NOT NULL, -- C1: its last entry's hash
    count INTEGER NOT NULL -- C1: how many entries it has
) STRICT;

CREATE TABLE audit_checkpoint (
    day TEXT PRIMARY KEY NOT NULL, -- C0: the day, 2026-11-24, UTC
    through_seq INTEGER NOT NULL, -- C1: the last entry that it covers
    entries INTEGER NOT NULL, -- C1: how many entries it covers that the one before did not
    heads_hash TEXT NOT NULL, -- C1: SHA-256 over the checkpoint before and the heads of all chains that grew, hex
    made_at INTEGER NOT NULL -- C1: when
) STRICT;
