-- Past bookings and orders fetched from a sender's API: one row for each source connection, its newest pull. The cursor is the source's own.
CREATE TABLE source_pulls (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
    reason text,
    days integer NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    cursor text,
    pages integer NOT NULL DEFAULT 0,
    records bigint NOT NULL DEFAULT 0,
    changes bigint NOT NULL DEFAULT 0, -- of the records: what was not known before
    refused bigint NOT NULL DEFAULT 0, -- of the records: those that are incomplete or whose event was refused
    attempts integer NOT NULL DEFAULT 0, -- failed tries of the next step
    next_step_at timestamptz,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (workspace_id, connection_id),
    FOREIGN KEY (workspace_id, connection_id) REFERENCES connections (workspace_id, id) ON DELETE CASCADE
);
-- a queue of the installation: ordered by time alone
CREATE INDEX source_pulls_due ON source_pulls (next_step_at) WHERE status IN ('queued', 'running');

ALTER TABLE source_pulls ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON source_pulls TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces()) AND (clarity_website() IS NULL OR website_id = clarity_website()));
GRANT SELECT, INSERT, UPDATE ON source_pulls TO clarity_tenant;
