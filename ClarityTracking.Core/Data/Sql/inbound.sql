-- Webhooks that senders posted, and the conversions they tell of.

-- One row for what a sender means to say once; times counts how often it was said. Not partitioned, because the key must hold over all of
-- them; Retention deletes by age. The body is sealed: it is full of personal data.
CREATE TABLE inbound_webhooks (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    id uuid NOT NULL,
    delivery_key text NOT NULL,
    received_at timestamptz NOT NULL,
    last_received_at timestamptz NOT NULL,
    times integer NOT NULL DEFAULT 1,
    verdict text NOT NULL,
    status text NOT NULL CHECK (status IN ('received', 'processed', 'ignored', 'failed', 'refused')),
    reason text,
    source_event text,
    headers jsonb NOT NULL,
    body_sealed bytea,
    body_bytes integer NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    processed_at timestamptz,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, connection_id) REFERENCES connections (workspace_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX inbound_webhooks_once ON inbound_webhooks (workspace_id, connection_id, delivery_key);
CREATE INDEX inbound_webhooks_by_website ON inbound_webhooks (workspace_id, website_id, id);
-- a queue of the installation, like the outbox: ordered by time alone
CREATE INDEX inbound_webhooks_due ON inbound_webhooks (next_attempt_at) WHERE status = 'received';

-- Valued outcomes and appointments as their sender tells them: the newest state, computed from conversion_changes.
CREATE TABLE conversions (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    connection_id uuid, -- NULL: told through the API, or its connection was deleted
    source text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('order', 'payment', 'booking', 'membership', 'lead', 'deal', 'manual')),
    sender_id text NOT NULL,
    number text,
    status text NOT NULL,
    sender_status text,
    is_test boolean NOT NULL DEFAULT false,
    occurred_at timestamptz NOT NULL,
    starts_at timestamptz,
    paid_at timestamptz,
    value numeric,
    currency text,
    refunded numeric NOT NULL DEFAULT 0,
    location text,
    visitor_id text,
    attribution jsonb, -- what was passed through, by the names of the webhook contract
    items jsonb,
    match_keys jsonb,
    personal_sealed bytea,
    told_at timestamptz NOT NULL, -- the newest notification's own time
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX conversions_by_time ON conversions (workspace_id, website_id, occurred_at);
CREATE INDEX conversions_by_visitor ON conversions (workspace_id, website_id, visitor_id) WHERE visitor_id IS NOT NULL;

-- Every id a sender knows a conversion by: a payment's session and intent, an appointment before and after it was moved.
CREATE TABLE conversion_ids (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    sender_id text NOT NULL,
    conversion_id uuid NOT NULL,
    PRIMARY KEY (workspace_id, connection_id, sender_id),
    FOREIGN KEY (workspace_id, conversion_id) REFERENCES conversions (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX conversion_ids_by_conversion ON conversion_ids (workspace_id, conversion_id);

-- What happened to a conversion, appended; the key ends repetitions, and the state does not depend on the order of arrival.
CREATE TABLE conversion_changes (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    conversion_id uuid NOT NULL,
    id uuid NOT NULL,
    key text NOT NULL,
    action text NOT NULL,
    occurred_at timestamptz NOT NULL,
    version bigint,
    sender_status text,
    value numeric,
    currency text,
    refunded_total numeric,
    starts_at timestamptz,
    webhook_id uuid,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, conversion_id, id),
    FOREIGN KEY (workspace_id, conversion_id) REFERENCES conversions (workspace_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX conversion_changes_once ON conversion_changes (workspace_id, conversion_id, key);

-- Events a conversion has given rise to, each once. taken_in_at stays empty until intake has acknowledged it, so that a process killed in
-- between gives it again.
CREATE TABLE conversion_events (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    conversion_id uuid NOT NULL,
    name text NOT NULL,
    event_id text NOT NULL,
    webhook_id uuid,
    taken_in_at timestamptz,
    PRIMARY KEY (workspace_id, conversion_id, name, event_id),
    FOREIGN KEY (workspace_id, conversion_id) REFERENCES conversions (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX conversion_events_by_webhook ON conversion_events (workspace_id, webhook_id);
CREATE INDEX conversion_events_by_event ON conversion_events (workspace_id, website_id, event_id);

DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('inbound_webhooks', 'SELECT, UPDATE'),
        ('conversions', 'SELECT, INSERT, UPDATE'),
        ('conversion_ids', 'SELECT'),
        ('conversion_changes', 'SELECT, INSERT'),
        ('conversion_events', 'SELECT')) AS v(name, rights)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY tenant ON %I TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces())
            AND (clarity_website() IS NULL OR website_id = clarity_website()))', t.name);
        EXECUTE format('GRANT %s ON %I TO clarity_tenant', t.rights, t.name);
    END LOOP;
END $$;
