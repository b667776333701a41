-- How much arrives, how fast, from where: sums that the router adds to in the transaction that counts an event.

-- Real events of people by name and source; no imports of history. The hours are what usual is made of; the minutes, kept for two days, tell within seconds that it is not as usual.
CREATE TABLE volume_hours (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    name text NOT NULL,
    source text NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (workspace_id, website_id, hour, name, source)
);
CREATE TABLE volume_minutes (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    minute timestamptz NOT NULL,
    name text NOT NULL,
    source text NOT NULL,
    events bigint NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, website_id, minute, name, source)
);

-- Latencies in buckets that grow by 2^(1/4): a percentile read from them is right to 9 %. See Health/Volume/LatencyBuckets.cs.
CREATE TABLE latency_rollups (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    stage text NOT NULL CHECK (stage IN ('received', 'late', 'history', 'ahead', 'delivered', 'total')),
    via text NOT NULL,              -- the source of what arrives, the connection's id of what is delivered
    name text NOT NULL,
    bucket smallint NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (workspace_id, website_id, hour, stage, via, name, bucket)
);

-- Which way browsers' events took: by which address (first_party, alias ...) and how (fetch, beacon, image).
CREATE TABLE arrival_ways (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    served text NOT NULL,
    transport text NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (workspace_id, website_id, hour, served, transport)
);

-- The newest real event of each source and host.
CREATE TABLE last_seen (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    source text NOT NULL,
    host text NOT NULL,             -- of the page; empty where there is none, or where it is none of the website
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    path text,                      -- of the page, without its query
    PRIMARY KEY (workspace_id, website_id, source, host)
);
CREATE INDEX last_seen_by_time ON last_seen (workspace_id, website_id, last_at);

-- What intake saw of a website beside events: files of the snippet that were fetched, requests that were refused. Added to every few seconds.
CREATE TABLE intake_notes (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('script', 'refused')),
    subject text NOT NULL,          -- version of the script; code of the refusal
    way text NOT NULL,              -- default, alias; the key's state for refusals
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (workspace_id, website_id, kind, subject, way),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);

-- Minutes in which somebody watched. What is missing here, this installation was down: nobody else is to blame for events that did not come.
CREATE TABLE watched_minutes (
    minute timestamptz PRIMARY KEY
);

-- what is counted of the pages that sent them, beside the counts by name
ALTER TABLE outbox ADD COLUMN seen jsonb;

-- usual is known from the first minute on
INSERT INTO volume_hours
SELECT workspace_id, website_id, date_trunc('hour', received_at, 'UTC'), name, source, count(*)
  FROM events WHERE NOT is_test AND bot_reason IS NULL AND NOT (source IN ('server', 'webhook') AND received_at - occurred_at > interval '1 day')
   AND id >= clarity_lowest_id(now() - interval '9 weeks') GROUP BY 1, 2, 3, 4, 5;
INSERT INTO last_seen
SELECT DISTINCT ON (workspace_id, website_id, source) workspace_id, website_id, source, '', received_at, received_at, id, NULL
  FROM events WHERE NOT is_test AND bot_reason IS NULL AND id >= clarity_lowest_id(now() - interval '2 weeks') ORDER BY workspace_id, website_id, source, id DESC;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['volume_hours', 'volume_minutes', 'latency_rollups', 'arrival_ways', 'last_seen', 'intake_notes']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces())
            AND (clarity_website() IS NULL OR website_id = clarity_website()))', t);
        EXECUTE format('GRANT SELECT ON %I TO clarity_tenant', t);
    END LOOP;
END $$;
GRANT SELECT ON watched_minutes TO clarity_tenant;
