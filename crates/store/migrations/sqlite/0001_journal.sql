-- The journal: everything that was told, as received. The raw truth from which all else is derived.
--
-- Every column says its meaning and its class: C0 public, C1 internal, C2 personal, C3 secret.
-- Instants are microseconds since 1970 UTC; flags are 0 or 1.

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- C1: order of arrival
    id TEXT NOT NULL UNIQUE, -- C1: our id of the entry, fde_…
    source TEXT NOT NULL, -- C1: the source account's name in the configuration
    event_key TEXT NOT NULL, -- C1: the source's own id of the event; unique within the source
    kind TEXT NOT NULL CHECK (kind IN ('event', 'read', 'catalogue', 'operator', 'import')), -- C0: what sort of entry
    type TEXT NOT NULL, -- C0: the source's type of the event
    object_id TEXT, -- C1: the id of the object that the entry is about
    object_created_at INTEGER, -- C1: the source's own time of the event
    livemode INTEGER, -- C0: whether it is about real money; null where the source does not say
    api_version TEXT, -- C0: the source's version of the body's shape
    received_at INTEGER NOT NULL, -- C1: when it first arrived
    verified_by TEXT, -- C1: the id (not the value) of the secret that proved it authentic; null where none was needed
    headers TEXT NOT NULL, -- C1: JSON, the headers needed to verify the signature again
    body BLOB NOT NULL, -- C2: the exact bytes that arrived
    body_sha256 TEXT NOT NULL, -- C1: SHA-256 of the bytes, hex; stays when the body is erased
    state TEXT NOT NULL CHECK (state IN ('pending', 'effect', 'no_effect', 'failed', 'quarantined')), -- C0: how it ended, or that it has not
    reason TEXT, -- C1: why it had no effect, failed or is quarantined, in our words
    tries INTEGER NOT NULL, -- C0: how often applying it was tried
    next_try_at INTEGER, -- C1: not to be applied before this instant
    deliveries INTEGER NOT NULL, -- C0: how often it was delivered; raised before any duplicate is answered
    last_seen_at INTEGER NOT NULL, -- C1: when it was last delivered
    applied_seq INTEGER UNIQUE, -- C1: order in which entries were applied; a rebuild follows it
    applied_at INTEGER, -- C1: when it was applied
    customer_id TEXT, -- C1: the customer whom it turned out to be about
    UNIQUE (source, event_key)
) STRICT;

CREATE INDEX journal_pending ON journal (seq) WHERE state = 'pending';
CREATE INDEX journal_state ON journal (state);
CREATE INDEX journal_customer ON journal (customer_id, seq);
CREATE INDEX journal_object ON journal (object_id);

CREATE TABLE catalogue_version (
    version TEXT NOT NULL, -- C0: hash of the catalogue's canonical JSON
    entry TEXT NOT NULL, -- C1: the journal entry that brought it
    json TEXT NOT NULL, -- C1: the catalogue, as the core reads it
    since INTEGER NOT NULL, -- C1: when it came into force; a version can come back
    PRIMARY KEY (version, since)
) STRICT;

CREATE INDEX catalogue_version_since ON catalogue_version (since);

CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL, -- C0: the name
    value TEXT NOT NULL -- C3: the value; one of them is the installation's salt
) STRICT;
