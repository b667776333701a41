-- The call that delivered it, and its place in that call's batch. Only in delivered rows: dead ones may be replayed and leave this table.
ALTER TABLE deliveries ADD COLUMN call_id uuid, ADD COLUMN call_position integer;

-- After "too many calls" without a time: so long between calls, until then.
ALTER TABLE connections ADD COLUMN slowed_interval_ms integer, ADD COLUMN slowed_until timestamptz;

-- The lease of a claim, a column of its own that no index holds: a claim then rewrites a row within its page (HOT) instead of in three indexes, half of
-- each page is kept free for that, and whoever makes a delivery due now does not take it from the worker that is sending it.
ALTER TABLE delivery_queue ADD COLUMN claimed_until timestamptz;
ALTER TABLE delivery_queue SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
