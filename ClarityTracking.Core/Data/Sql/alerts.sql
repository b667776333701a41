-- Alerts: what needs a person, what raises it, and whom it is told. The defaults of rules are in Alerts/AlertCatalog.cs; a row here is a change.

-- The lowest id of a moment, as Partitions.LowestId: every UUIDv7 made at or after it is greater or equal.
CREATE FUNCTION clarity_lowest_id(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN rpad(lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid;

CREATE TABLE alert_rules (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    kind text NOT NULL,
    enabled boolean NOT NULL,
    -- NULL: the default
    threshold numeric,
    raise_after_minutes integer,
    resolve_after_minutes integer,
    PRIMARY KEY (workspace_id, website_id, kind),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);

-- When messages may go out, in the website's own time zone. No row: at any time.
CREATE TABLE alert_schedules (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    quiet_from time,
    quiet_to time,
    days integer[] NOT NULL,
    critical_always boolean NOT NULL,
    PRIMARY KEY (workspace_id, website_id),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);

-- Conditions that hold, but not long enough yet to be an alert.
CREATE TABLE alert_conditions (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, website_id, kind, subject),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);

CREATE TABLE alerts (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,      -- a connection's id, an event's name; empty: the website itself
    subject_name text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('warning', 'critical')),
    state text NOT NULL CHECK (state IN ('open', 'acknowledged', 'snoozed', 'resolved')),
    opening integer NOT NULL,   -- 1, and one more each time it opens again
    evidence jsonb NOT NULL,
    opened_at timestamptz NOT NULL,
    clear_since timestamptz,    -- the condition is over since then, but not long enough yet
    snoozed_until timestamptz,
    resolved_at timestamptz,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);
-- what makes two conditions one alert; two nodes that look at once cannot raise it twice
CREATE UNIQUE INDEX alerts_unresolved ON alerts (workspace_id, website_id, kind, subject) WHERE state <> 'resolved';
CREATE INDEX alerts_by_website ON alerts (workspace_id, website_id, id);
CREATE INDEX alerts_resolved ON alerts (workspace_id, website_id, resolved_at) WHERE state = 'resolved';

CREATE TABLE alert_history (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    alert_id uuid NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    change text NOT NULL,
    actor text,                 -- NULL: by itself
    detail text,
    PRIMARY KEY (workspace_id, alert_id, id),
    FOREIGN KEY (workspace_id, alert_id) REFERENCES alerts (workspace_id, id) ON DELETE CASCADE
);

CREATE TABLE alert_channels (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    website_id uuid,            -- NULL: all websites of the workspace
    kind text NOT NULL CHECK (kind IN ('email', 'webhook', 'slack', 'teams')),
    name text NOT NULL,
    enabled boolean NOT NULL,
    settings jsonb NOT NULL,
    secret bytea,
    least_severity text NOT NULL CHECK (least_severity IN ('warning', 'critical', 'none')),
    tells_resolved boolean NOT NULL,
    digest text NOT NULL CHECK (digest IN ('off', 'daily', 'weekly')),
    digest_hour integer NOT NULL,
    digest_weekday integer NOT NULL, -- 0 = Sunday
    time_zone text NOT NULL,
    next_digest_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id) REFERENCES workspaces (id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX alert_channels_digest ON alert_channels (next_digest_at) WHERE next_digest_at IS NOT NULL;

-- What goes out: one message per channel for all news of a moment. Its content is fixed, so that a second try says the same.
CREATE TABLE alert_messages (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    channel_id uuid NOT NULL,
    content jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL, -- also the lease of the node that sends it
    error text,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES alert_channels (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX alert_messages_due ON alert_messages (next_attempt_at) WHERE state = 'queued';
CREATE INDEX alert_messages_by_channel ON alert_messages (workspace_id, channel_id, id);

-- What a channel is to be told. The key is the promise: each opening, and its end, once per channel.
CREATE TABLE alert_notifications (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    alert_id uuid NOT NULL,
    opening integer NOT NULL,
    channel_id uuid NOT NULL,
    news text NOT NULL CHECK (news IN ('opened', 'resolved')),
    created_at timestamptz NOT NULL,
    message_id uuid,            -- NULL: waits, or was left out
    told_at timestamptz,        -- when it became part of that message
    left_out text,              -- why it was never told
    PRIMARY KEY (workspace_id, alert_id, opening, channel_id, news),
    FOREIGN KEY (workspace_id, alert_id) REFERENCES alerts (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, channel_id) REFERENCES alert_channels (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX alert_notifications_waiting ON alert_notifications (workspace_id, channel_id) WHERE message_id IS NULL AND left_out IS NULL;
CREATE INDEX alert_notifications_told ON alert_notifications (workspace_id, channel_id, told_at);

DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('alert_rules', 'clarity_website() IS NULL OR website_id = clarity_website()', 'SELECT, INSERT, UPDATE, DELETE'),
        ('alert_schedules', 'clarity_website() IS NULL OR website_id = clarity_website()', 'SELECT, INSERT, UPDATE, DELETE'),
        ('alert_conditions', 'clarity_website() IS NULL OR website_id = clarity_website()', NULL),
        ('alerts', 'clarity_website() IS NULL OR website_id = clarity_website()', 'SELECT, UPDATE'),
        ('alert_history', 'clarity_website() IS NULL OR website_id = clarity_website()', 'SELECT, INSERT'),
        ('alert_channels', 'clarity_website() IS NULL OR website_id IS NULL OR website_id = clarity_website()', 'SELECT, INSERT, UPDATE, DELETE'),
        -- a message may tell of several websites, so a key of one sees none
        ('alert_messages', 'clarity_website() IS NULL', 'SELECT, INSERT'),
        ('alert_notifications', 'clarity_website() IS NULL OR website_id = clarity_website()', 'SELECT')) AS v(name, website_rule, rights)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY tenant ON %I TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces()) AND (%s))', t.name, t.website_rule);
        IF t.rights IS NOT NULL THEN
            EXECUTE format('GRANT %s ON %I TO clarity_tenant', t.rights, t.name);
        END IF;
    END LOOP;
END $$;
