-- The record: customers, what leads to them, what is known of their purchases, and what must be read.

CREATE TABLE customer (
    id TEXT PRIMARY KEY NOT NULL, -- C1: canonical id, fdc_…
    first_seq INTEGER NOT NULL, -- C1: place in the journal of the entry that first needed the customer; the lowest survives a merge
    first_entry TEXT NOT NULL, -- C1: that entry
    merged_into TEXT REFERENCES customer (id), -- C1: the survivor, when this record turned out to be somebody else's
    revision INTEGER NOT NULL, -- C1: raised by one by each decision; whoever decides on an older one is refused
    is_provisional INTEGER NOT NULL, -- C1: whether nothing person-like is known yet, so that facts merely wait here
    is_entitled INTEGER NOT NULL, -- C1: whether the last decision found any access
    next_wake_at INTEGER, -- C1: when the decision may change by the clock alone
    headline TEXT, -- C1: the most urgent stage, as last decided
    summary TEXT NOT NULL, -- C2: JSON, what was last decided: for before and after, and for lists
    created_at INTEGER NOT NULL, -- C1: when the row was made
    updated_at INTEGER NOT NULL -- C1: when it was last decided
) STRICT;

CREATE INDEX customer_wake ON customer (next_wake_at) WHERE next_wake_at IS NOT NULL AND merged_into IS NULL;
CREATE INDEX customer_headline ON customer (headline, id) WHERE merged_into IS NULL;
CREATE INDEX customer_updated ON customer (updated_at) WHERE merged_into IS NULL;
CREATE INDEX customer_entitled ON customer (is_entitled) WHERE merged_into IS NULL;
CREATE INDEX customer_merged ON customer (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE identity (
    system TEXT NOT NULL, -- C1: whose handle it is: a source, a target, or email
    kind TEXT NOT NULL, -- C1: what sort of handle there
    value TEXT NOT NULL, -- C2: the handle
    customer_id TEXT NOT NULL REFERENCES customer (id), -- C1: to whom it leads
    is_tie INTEGER NOT NULL, -- C1: whether it makes two records one; a tie leads to one customer only
    entry TEXT NOT NULL, -- C1: the journal entry that told it first
    PRIMARY KEY (system, kind, value, customer_id)
) STRICT;

CREATE UNIQUE INDEX identity_tie ON identity (system, kind, value) WHERE is_tie = 1;
CREATE INDEX identity_customer ON identity (customer_id);
CREATE INDEX identity_value ON identity (value);

CREATE TABLE fact (
    source TEXT NOT NULL, -- C1: the source that holds the object
    kind TEXT NOT NULL, -- C1: what sort of object
    id TEXT NOT NULL, -- C1: its id there
    customer_id TEXT NOT NULL REFERENCES customer (id), -- C1: whose purchase it belongs to
    body TEXT NOT NULL, -- C2: JSON, the newest event about it and the newest read of it, in our terms
    PRIMARY KEY (source, kind, id)
) STRICT;

CREATE INDEX fact_customer ON fact (customer_id);

CREATE TABLE source_read (
    source TEXT NOT NULL, -- C1: the source to be asked
    kind TEXT NOT NULL, -- C1: what sort of object
    id TEXT NOT NULL, -- C1: its id there
    customer_id TEXT NOT NULL REFERENCES customer (id), -- C1: for whom
    purpose TEXT NOT NULL, -- C0: why it is wanted
    due_at INTEGER NOT NULL, -- C1: when it may be asked
    attempts INTEGER NOT NULL, -- C1: tries that failed
    failing_since INTEGER, -- C1: when the first of them failed
    state TEXT NOT NULL CHECK (state IN ('due', 'parked')), -- C1: whether it is retried by itself
    last_failure TEXT, -- C1: JSON, the last failure
    PRIMARY KEY (source, kind, id)
) STRICT;

CREATE INDEX source_read_due ON source_read (source, due_at);
CREATE INDEX source_read_customer ON source_read (customer_id);
