-- What was spent on ads, by day and ad. The key, not a prior read, keeps one day of one account from counting twice; no connection in it, so
-- that two connections to one account do not double it, and what was spent stays when a connection goes.
CREATE TABLE ad_spend (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    day date NOT NULL, -- of the account, in time_zone
    platform text NOT NULL,
    origin text NOT NULL CHECK (origin IN ('api', 'csv')),
    account_id text NOT NULL,
    time_zone text, -- IANA; NULL = not told (CSV)
    medium text NOT NULL DEFAULT '',
    campaign_id text NOT NULL,
    campaign_name text NOT NULL,
    group_id text NOT NULL DEFAULT '',
    group_name text NOT NULL DEFAULT '',
    ad_id text NOT NULL DEFAULT '',
    ad_name text NOT NULL DEFAULT '',
    impressions bigint NOT NULL CHECK (impressions >= 0),
    clicks bigint NOT NULL CHECK (clicks >= 0),
    spend numeric NOT NULL, -- in currency; a platform takes back what it charged too much
    currency text NOT NULL,
    imported_at timestamptz NOT NULL
);
-- Of a CSV file names are all there is, of a platform they may change: they belong to the key only where no id stands.
CREATE UNIQUE INDEX ad_spend_once ON ad_spend (workspace_id, website_id, platform, account_id, day, origin, medium, campaign_id,
    (CASE WHEN campaign_id = '' THEN campaign_name ELSE '' END), group_id, (CASE WHEN group_id = '' THEN group_name ELSE '' END),
    ad_id, (CASE WHEN ad_id = '' THEN ad_name ELSE '' END), currency);
CREATE INDEX ad_spend_by_day ON ad_spend (workspace_id, website_id, day);
ALTER TABLE ad_spend ADD FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE;

-- One row for each import. not_before is also the lease: a claim moves it ahead and raises claims, so that another node takes over what a dead
-- one left and a late one notices.
CREATE TABLE spend_imports (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    connection_id uuid, -- NULL = CSV
    kind text NOT NULL CHECK (kind IN ('daily', 'backfill', 'csv')),
    due_day date NOT NULL, -- UTC
    from_day date NOT NULL,
    to_day date NOT NULL,
    next_day date NOT NULL, -- days before it are imported
    status text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
    failure text,
    reason text,
    row_count bigint NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0,
    claims integer NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, connection_id) REFERENCES connections (workspace_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX spend_imports_daily ON spend_imports (workspace_id, connection_id, due_day) WHERE kind = 'daily';
CREATE UNIQUE INDEX spend_imports_one_backfill ON spend_imports (workspace_id, connection_id) WHERE kind = 'backfill' AND status IN ('queued', 'running');
CREATE INDEX spend_imports_by_website ON spend_imports (workspace_id, website_id, id);
CREATE INDEX spend_imports_due ON spend_imports (not_before) WHERE status IN ('queued', 'running');

DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('ad_spend', 'SELECT, INSERT, DELETE'),
        ('spend_imports', 'SELECT, INSERT')) AS v(name, rights)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY tenant ON %I TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces()) AND (clarity_website() IS NULL OR website_id = clarity_website()))', t.name);
        EXECUTE format('GRANT %s ON %I TO clarity_tenant', t.rights, t.name);
    END LOOP;
END $$;
