-- Sweeps and freezes: pages of a sweep under way, what sweeps found, what a person holds back.

CREATE TABLE sweep_page (
    target TEXT NOT NULL, -- C0: whose lists are read
    nth BIGINT NOT NULL, -- C0: the page's place in the sweep under way
    list TEXT NOT NULL, -- C0: which list it belongs to
    entries TEXT NOT NULL, -- C2: JSON, the ids and addresses on it
    PRIMARY KEY (target, nth)
);

CREATE TABLE finding (
    target TEXT NOT NULL, -- C0: where it was found
    kind TEXT NOT NULL, -- C0: what it is
    item TEXT COLLATE "C" NOT NULL, -- C0: the managed item; empty for the person as a whole
    member_id TEXT COLLATE "C" NOT NULL, -- C1: the target's own id of the person; empty: not known
    customer_id TEXT COLLATE "C", -- C1: the customer, where a record leads there
    address TEXT, -- C2: the address there, where the list tells it
    first_at BIGINT NOT NULL, -- C1: the sweep that found it first
    last_at BIGINT NOT NULL, -- C1: the sweep that found it last
    times BIGINT NOT NULL, -- C1: how many sweeps found it
    closed_at BIGINT, -- C1: when it was settled; null: it still stands
    PRIMARY KEY (target, kind, item, member_id)
);

CREATE INDEX finding_open ON finding (kind, target) WHERE closed_at IS NULL;

CREATE TABLE frozen (
    name TEXT COLLATE "C" PRIMARY KEY, -- C1: the name by which a person thaws it
    scope TEXT NOT NULL, -- C1: what it covers
    since BIGINT NOT NULL, -- C1: when it began
    until BIGINT NOT NULL, -- C1: when it ends by itself
    by_whom TEXT NOT NULL, -- C2: who froze it
    reason TEXT NOT NULL, -- C2: why, in their words
    ended_at BIGINT, -- C1: when a person thawed it
    ended_by TEXT -- C2: who thawed it
);

CREATE INDEX frozen_running ON frozen (until) WHERE ended_at IS NULL;
