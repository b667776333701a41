-- The call that delivered it, and its place in that call's batch. Only in delivered rows: dead ones may be replayed and leave this table.
ALTER TABLE deliveries ADD COLUMN call_id uuid, ADD COLUMN call_position integer;

-- After "too many calls" without a time: so long between calls, until then.
ALTER TABLE connections ADD COLUMN slowed_interval_ms integer, ADD COLUMN slowed_until timestamptz;
