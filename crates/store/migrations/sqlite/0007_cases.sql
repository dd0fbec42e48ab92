-- Cases of one customer, whatever their state, and those of one journey: each decision looks at them.

CREATE INDEX support_case_customer ON support_case (customer_id, number);
CREATE INDEX support_case_journey ON support_case (journey, number);
