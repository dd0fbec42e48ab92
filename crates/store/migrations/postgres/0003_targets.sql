-- Targets: one row per customer and target, one lease per account, one line per call.

CREATE TABLE sync (
    customer_id TEXT COLLATE "C" NOT NULL REFERENCES customer (id), -- C1: whose
    target TEXT NOT NULL, -- C0: where
    generation BIGINT NOT NULL, -- C1: raised by one each time desired changes
    applied_generation BIGINT NOT NULL, -- C1: the generation that was seen to hold
    desired_hash TEXT NOT NULL, -- C1: hash of desired at that generation
    observed TEXT NOT NULL, -- C2: JSON, what the target was last seen to hold
    state TEXT NOT NULL, -- C1: how the row stands, as one word
    hold TEXT, -- C1: why it waits, as one word
    brake TEXT, -- C1: the brake behind which it waits
    standing TEXT NOT NULL, -- C1: JSON, the state with its particulars
    attempts BIGINT NOT NULL, -- C1: tries since the last success
    failing_since BIGINT, -- C1: when the first of them failed
    next_attempt_at BIGINT, -- C1: when it is to be looked at next; null: not by itself
    last_failure TEXT, -- C1: JSON, the last failure, until a success
    applied_at BIGINT, -- C1: when it was seen to be as desired
    due_since BIGINT NOT NULL, -- C1: when this generation became due
    look_wanted_at BIGINT, -- C1: since when a look is owed to somebody who watches the stage
    brake_released BIGINT NOT NULL, -- C1: whether a person let this generation's removals pass a brake
    PRIMARY KEY (customer_id, target)
);

CREATE INDEX sync_due ON sync (target, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX sync_state ON sync (state, target);
CREATE INDEX sync_brake ON sync (brake) WHERE brake IS NOT NULL;

CREATE TABLE sync_person (
    customer_id TEXT COLLATE "C" NOT NULL REFERENCES customer (id), -- C1: whose sync it belongs to
    target TEXT NOT NULL, -- C0: where the person is known
    holder TEXT NOT NULL, -- C2: customer, or the address of somebody who benefits
    address TEXT COLLATE "C" NOT NULL, -- C2: an address at which the target knows the person, or that benefits
    member_id TEXT, -- C1: the target's own id of the person
    PRIMARY KEY (customer_id, target, holder, address)
);

CREATE INDEX sync_person_member ON sync_person (target, member_id) WHERE member_id IS NOT NULL;
CREATE INDEX sync_person_address ON sync_person (address);

CREATE TABLE account (
    name TEXT COLLATE "C" PRIMARY KEY, -- C0: the provider account's name
    holder TEXT, -- C1: the node that drains it
    renewal BIGINT NOT NULL, -- C1: raised while the holder lives; unchanged for long, it is taken for dead
    epoch BIGINT NOT NULL, -- C1: raised by each lease; an older holder changes nothing
    breaker TEXT NOT NULL, -- C1: JSON, the circuit breaker
    stopped TEXT, -- C1: JSON, since when and why nothing is sent, when a person must act first
    throttled_until BIGINT, -- C1: nothing is sent before this instant
    budget TEXT -- C1: JSON, what the provider last said about its limits
);

CREATE TABLE call (
    id TEXT COLLATE "C" PRIMARY KEY, -- C1: our effect id
    account TEXT NOT NULL, -- C0: the account it is charged to
    target TEXT, -- C0: the target; null for a source
    customer_id TEXT COLLATE "C", -- C1: for whom; null for sweeps
    generation BIGINT, -- C1: the desired generation that caused it
    step TEXT NOT NULL, -- C0: the step's name
    step_json TEXT, -- C2: JSON, the step with its address
    effect_key TEXT NOT NULL, -- C1: the same for all tries of one effect
    reason TEXT NOT NULL, -- C0: what it is spent on
    epoch BIGINT NOT NULL, -- C1: the lease under which it left
    request_id TEXT NOT NULL, -- C1: our request id, as sent
    intent_at BIGINT NOT NULL, -- C1: when the intent was made durable, before the call
    answered_at BIGINT, -- C1: when its outcome was stored
    outcome TEXT NOT NULL, -- C1: intent, done, or the class of failure
    status BIGINT, -- C1: the answer's HTTP status
    provider_request_id TEXT, -- C1: the provider's own id of the request
    counted BIGINT NOT NULL, -- C1: whether it uses up quota; assumed until answered
    why TEXT -- C1: what the provider said, in our words
);

CREATE INDEX call_account ON call (account, intent_at);
CREATE INDEX call_customer ON call (customer_id, intent_at);
CREATE INDEX call_unanswered ON call (account) WHERE outcome = 'intent';

CREATE TABLE brake (
    name TEXT COLLATE "C" PRIMARY KEY, -- C0: the name by which a person releases it
    target TEXT NOT NULL, -- C0: where removals wait
    engaged_at BIGINT NOT NULL, -- C1: when it engaged
    released_at BIGINT, -- C1: when a person released it
    released_by TEXT, -- C2: who
    reason TEXT NOT NULL -- C1: how many removals in what time
);

CREATE INDEX brake_target ON brake (target, released_at);
