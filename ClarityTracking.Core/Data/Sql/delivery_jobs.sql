-- Replays and backfills: what was asked for, how far it is, and what it did.
-- A batch is one transaction that holds the job's row: it moves deliveries, the position and the counts together, so a process that dies in
-- it takes all of it back, and a second worker looks for another job (SKIP LOCKED). To cancel is to wait for that lock and write the status.
CREATE TABLE delivery_jobs (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('replay', 'backfill')),
    connection_id uuid, -- NULL: all of the website; no foreign key, because what was done outlives the connection
    request jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'cancelled', 'failed')),
    detail text,
    -- the plan, counted when it was asked for
    matched bigint NOT NULL,
    too_old bigint NOT NULL,
    already_delivered bigint NOT NULL,
    will_send bigint NOT NULL,
    -- what was done so far; what was looked at and not sent stands in left_out by its reason
    position uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    handled bigint NOT NULL DEFAULT 0,
    sent bigint NOT NULL DEFAULT 0,
    left_out jsonb NOT NULL DEFAULT '{}',
    failures integer NOT NULL DEFAULT 0,
    next_batch_at timestamptz NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX delivery_jobs_by_website ON delivery_jobs (workspace_id, website_id, id);
-- of the installation, ordered by when their turn is; holds the few open ones only
CREATE INDEX delivery_jobs_open ON delivery_jobs (next_batch_at) WHERE status IN ('queued', 'running');
-- two at once would each send what the other has not committed yet
CREATE UNIQUE INDEX delivery_jobs_one_backfill ON delivery_jobs (workspace_id, connection_id) WHERE kind = 'backfill' AND status IN ('queued', 'running');

ALTER TABLE delivery_jobs ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON delivery_jobs TO clarity_tenant
    USING (workspace_id = ANY (clarity_workspaces()) AND (clarity_website() IS NULL OR website_id = clarity_website()));
GRANT SELECT, INSERT, UPDATE ON delivery_jobs TO clarity_tenant;
