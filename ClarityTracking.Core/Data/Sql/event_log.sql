-- The large tables, partitioned by the time inside their UUIDv7 ids: one key both names a row and says which week it lies in.
-- Weekly partitions are made ahead by Data/Partitions.cs; the default partition catches what no week covers, so nothing is refused.

CREATE TABLE events (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    event_id text NOT NULL,
    name text NOT NULL,
    source text NOT NULL,
    is_test boolean NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    visitor_id text,
    session_id text,
    url text,
    referrer text,
    value numeric, -- at most 15 digits and 4 decimals (MoneyStep); no fixed scale, so that 149.9 stays 149.9 on its way to a platform
    currency text,
    order_id text,
    user_agent text,
    bot_reason text,
    click_ids jsonb,
    cookies jsonb,
    utm jsonb,
    consent jsonb,
    match_keys jsonb,
    properties jsonb NOT NULL,
    redacted jsonb,
    personal_sealed bytea,
    PRIMARY KEY (workspace_id, website_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX events_by_event_id ON events (workspace_id, website_id, event_id);
CREATE INDEX events_by_visitor ON events (workspace_id, website_id, visitor_id, id);
CREATE TABLE events_default PARTITION OF events DEFAULT;

-- (website, event name, event id) of the last 7 days, folded to 128 bits. The primary key, not a prior read, ends duplicates.
CREATE TABLE event_keys (
    workspace_id uuid NOT NULL,
    key uuid NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, key)
);

-- Stored events that the router has not seen yet, one row for what a commit stored of a website and hour, with what is counted of them.
-- A queue of the installation, not a tenant's table: ordered by arrival alone.
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    event_ids uuid[] NOT NULL,
    event_counts jsonb NOT NULL,
    key_counts jsonb NOT NULL
);
-- a row lives for a tenth of a second: packing it would cost more than it saves
ALTER TABLE outbox ALTER COLUMN event_ids SET STORAGE EXTERNAL;

CREATE TABLE dropped_events (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    event_id text,
    name text,
    reason text NOT NULL,
    detail text,
    PRIMARY KEY (workspace_id, website_id, id)
) PARTITION BY RANGE (id);
CREATE TABLE dropped_events_default PARTITION OF dropped_events DEFAULT;

-- Open deliveries. next_attempt_at is also the lease: a claim moves it ahead, so a worker that dies gives its rows back by itself.
CREATE TABLE delivery_queue (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    connection_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_name text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    reason text,
    detail text,
    created_at timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, connection_id) REFERENCES connections (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX delivery_queue_due ON delivery_queue (workspace_id, connection_id, next_attempt_at);
CREATE INDEX delivery_queue_by_event ON delivery_queue (workspace_id, event_id);

-- Finished deliveries: appended, never updated, dropped with their week.
CREATE TABLE deliveries (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    connection_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_name text NOT NULL,
    status text NOT NULL CHECK (status IN ('delivered', 'skipped', 'dead')),
    reason text,
    detail text,
    attempts integer NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, website_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX deliveries_by_event ON deliveries (workspace_id, event_id);
CREATE INDEX deliveries_dead ON deliveries (workspace_id, website_id, connection_id, id) WHERE status = 'dead';
CREATE TABLE deliveries_default PARTITION OF deliveries DEFAULT;

CREATE VIEW delivery_states WITH (security_invoker = true) AS
    SELECT workspace_id, website_id, id, connection_id, event_id, event_name,
           CASE WHEN attempts = 0 THEN 'pending' ELSE 'retrying' END AS status,
           reason, detail, attempts, created_at, next_attempt_at, NULL::timestamptz AS finished_at
      FROM delivery_queue
    UNION ALL
    SELECT workspace_id, website_id, id, connection_id, event_id, event_name,
           status, reason, detail, attempts, created_at, NULL::timestamptz, finished_at
      FROM deliveries;

CREATE TABLE delivery_attempts (
    workspace_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    id uuid NOT NULL,
    number integer NOT NULL,
    call_id uuid NOT NULL,
    position integer NOT NULL,
    at timestamptz NOT NULL,
    outcome text NOT NULL,
    reason text,
    PRIMARY KEY (workspace_id, delivery_id, id)
) PARTITION BY RANGE (id);
CREATE TABLE delivery_attempts_default PARTITION OF delivery_attempts DEFAULT;

CREATE TABLE delivery_calls (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    method text NOT NULL,
    url text NOT NULL,
    request bytea NOT NULL,
    http_status integer,
    response text,
    events integer NOT NULL,
    PRIMARY KEY (workspace_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX delivery_calls_by_connection ON delivery_calls (workspace_id, connection_id, id);
CREATE TABLE delivery_calls_default PARTITION OF delivery_calls DEFAULT;

-- Hourly sums. Dashboards read these, not the log.
CREATE TABLE event_rollups (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    name text NOT NULL,
    is_test boolean NOT NULL,
    events bigint NOT NULL,
    delay_ms bigint NOT NULL,
    PRIMARY KEY (workspace_id, website_id, hour, name, is_test)
);
CREATE TABLE key_rollups (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    name text NOT NULL,
    key text NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (workspace_id, website_id, hour, name, key)
);
CREATE TABLE delivery_rollups (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    deliveries bigint NOT NULL,
    latency_ms bigint NOT NULL,
    PRIMARY KEY (workspace_id, website_id, connection_id, hour, name, status, reason)
);
