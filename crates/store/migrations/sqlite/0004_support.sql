-- People: cases that need one, alerts to the operator, links for customers.

CREATE TABLE support_case (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- C1: FD-…, for people
    customer_id TEXT NOT NULL REFERENCES customer (id), -- C1: whose
    journey TEXT NOT NULL, -- C1: the purchase, renewal, refund or dispute that it is about
    kind TEXT NOT NULL, -- C0: billing, access, identity, delivery or other
    state TEXT NOT NULL CHECK (state IN ('open', 'closed')), -- C1: whether its cause is still there
    reason TEXT NOT NULL, -- C1: JSON, the cause as data
    opened_at INTEGER NOT NULL, -- C1: when it was opened
    closed_at INTEGER, -- C1: when its cause was gone, or a person closed it
    closed_why TEXT -- C1: which of the two, in our words
) STRICT;

CREATE UNIQUE INDEX support_case_open ON support_case (customer_id, journey, kind) WHERE state = 'open';
CREATE INDEX support_case_state ON support_case (state, number);

-- Numbers of four digits from the first: people say them aloud.
INSERT INTO sqlite_sequence (name, seq) VALUES ('support_case', 1000);

CREATE TABLE case_note (
    case_number INTEGER NOT NULL REFERENCES support_case (number), -- C1: the case
    nth INTEGER NOT NULL, -- C1: its place in the case, from 1
    at INTEGER NOT NULL, -- C1: when
    author TEXT NOT NULL, -- C2: who wrote it; frontdesk for our own
    body TEXT NOT NULL, -- C2: the text
    PRIMARY KEY (case_number, nth)
) STRICT;

CREATE TABLE alert (
    key TEXT PRIMARY KEY NOT NULL, -- C1: one alert for one cause, however often it is seen
    kind TEXT NOT NULL, -- C0: what sort of trouble
    subject TEXT NOT NULL, -- C1: what it is about
    detail TEXT NOT NULL, -- C1: JSON, the particulars
    opened_at INTEGER NOT NULL, -- C1: when it began
    closed_at INTEGER -- C1: when its cause was gone
) STRICT;

CREATE INDEX alert_open ON alert (opened_at) WHERE closed_at IS NULL;

CREATE TABLE status_link (
    token_hash TEXT PRIMARY KEY NOT NULL, -- C1: SHA-256 of the token, hex; the token itself is never stored
    customer_id TEXT NOT NULL REFERENCES customer (id), -- C1: the one customer whom it shows
    purpose TEXT NOT NULL, -- C0: what it opens
    created_at INTEGER NOT NULL, -- C1: when it was made
    expires_at INTEGER NOT NULL, -- C1: from when on it opens nothing
    revoked_at INTEGER -- C1: when it was taken back
) STRICT;

CREATE INDEX status_link_customer ON status_link (customer_id, created_at);
