-- Removals that each row owes, so that those past their time are counted without reading every row. The binary before
-- this one leaves both columns as they are.

ALTER TABLE sync ADD COLUMN removal_since BIGINT; -- C1: since when the removal that is owed could have been made; null: none is
ALTER TABLE sync ADD COLUMN removal_overdue_at BIGINT; -- C1: from when on that removal is overdue; null: none is owed

CREATE INDEX sync_overdue ON sync (target, removal_overdue_at, removal_since) WHERE removal_overdue_at IS NOT NULL;
