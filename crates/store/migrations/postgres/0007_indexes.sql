-- What each decision and each call looks at, found without reading everything there is: cases of one customer whatever
-- their state, and of one journey; intents without an answer, by time; removals of late at one target.

CREATE INDEX support_case_customer ON support_case (customer_id, number);
CREATE INDEX support_case_journey ON support_case (journey, number);

DROP INDEX call_unanswered;
CREATE INDEX call_unanswered ON call (account, intent_at) WHERE outcome = 'intent';
CREATE INDEX call_removal ON call (target, intent_at) WHERE step = 'remove';
