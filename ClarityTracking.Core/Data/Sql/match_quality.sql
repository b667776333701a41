-- What platforms say about the quality of our events, day by day; and the chances a website set itself for the estimate.

CREATE TABLE platform_scores (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    source text NOT NULL, -- dataset or ad account: a connection may be pointed at another one
    day date NOT NULL, -- UTC, of the fetch
    event_name text NOT NULL, -- the platform's; empty = all events together
    score numeric(5, 2),
    verdict text NOT NULL,
    detail jsonb NOT NULL,
    fetched_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, website_id, connection_id, day, source, event_name),
    FOREIGN KEY (workspace_id, connection_id) REFERENCES connections (workspace_id, id) ON DELETE CASCADE
);

-- One row a connection: the last try, and not before when the next one is made. A claim moves not_before ahead, so that nodes do not try twice.
CREATE TABLE platform_score_fetches (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    attempted_at timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    succeeded_at timestamptz,
    outcome text NOT NULL CHECK (outcome IN ('fetching', 'told', 'failed')),
    kind text,
    reason text,
    failures integer NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, connection_id),
    FOREIGN KEY (workspace_id, connection_id) REFERENCES connections (workspace_id, id) ON DELETE CASCADE
);

CREATE TABLE match_quality_weights (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    weights jsonb NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, website_id),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);

DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('platform_scores', 'SELECT'),
        ('platform_score_fetches', 'SELECT'),
        ('match_quality_weights', 'SELECT, INSERT, UPDATE, DELETE')) AS v(name, rights)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY tenant ON %I TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces()) AND (clarity_website() IS NULL OR website_id = clarity_website()))', t.name);
        EXECUTE format('GRANT %s ON %I TO clarity_tenant', t.rights, t.name);
    END LOOP;
END $$;
