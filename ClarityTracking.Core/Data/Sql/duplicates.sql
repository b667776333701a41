-- Conversions that were told twice. What of a conversion tells it apart is kept for some eight days in tables of its own, so that a new event is compared
-- with few rows by index, however long the log is.

-- Which side told an event that intake ended as a repeat.
ALTER TABLE dropped_events ADD COLUMN source text;

-- What of a real conversion tells it apart.
CREATE TABLE duplicate_events (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,               -- the event's
    event_id text NOT NULL,
    name text NOT NULL,
    family text NOT NULL,           -- names that mean the same have one
    source text NOT NULL,
    sender text,                    -- properties.source_platform
    host text,
    occurred_at timestamptz NOT NULL,
    visitor_id text,
    order_id text,
    value numeric,
    currency text,
    visitors bigint[] NOT NULL,     -- hashes of browser ids
    persons bigint[] NOT NULL,      -- hashes of match keys; the last two bits say which
    path bigint,                    -- hash of the page's path
    about bigint,                   -- hash of the items or the form
    PRIMARY KEY (workspace_id, website_id, id)
);

-- What two conversions share when they may be one: one row a key, one look into this index a key.
CREATE TABLE duplicate_keys (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    key bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    id uuid NOT NULL,
    PRIMARY KEY (workspace_id, website_id, key, occurred_at, id)
);

-- One thing that happened and was told more than once.
CREATE TABLE duplicate_groups (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('same_id', 'different_ids', 'browser_and_server')),
    reason text NOT NULL,
    name text NOT NULL,
    family text NOT NULL,
    order_id text,
    visitor_id text,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,   -- of its newest event (occurred)
    found_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL, -- a member came last
    events integer NOT NULL,
    value numeric,                  -- of the first one
    currency text,
    extra_value numeric NOT NULL,   -- of all others in the same currency
    original_id uuid NOT NULL,      -- the event that was received first
    ended boolean NOT NULL,         -- intake took it in once: nothing is counted twice
    ignored_at timestamptz,         -- a person said that these are different
    ignored_by text,
    rule_id uuid,                   -- the filter rule that lets one of them through
    prevented boolean NOT NULL DEFAULT false, -- the rule was there before
    PRIMARY KEY (workspace_id, website_id, id),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, website_id, rule_id) REFERENCES filter_rules (workspace_id, website_id, id) ON DELETE SET NULL (rule_id)
);
CREATE INDEX duplicate_groups_by_time ON duplicate_groups (workspace_id, website_id, last_at);
CREATE UNIQUE INDEX duplicate_groups_ended ON duplicate_groups (workspace_id, website_id, original_id) WHERE ended;

-- Its events. They are told again here, because a group outlives what it was found by.
CREATE TABLE duplicate_members (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    group_id uuid NOT NULL,
    id uuid NOT NULL,               -- the event's; for one that was not stored, the dropped one's
    event_id text NOT NULL,
    name text NOT NULL,
    source text NOT NULL,
    sender text,
    host text,
    occurred_at timestamptz NOT NULL,
    visitor_id text,
    order_id text,
    value numeric,
    currency text,
    keys integer NOT NULL,          -- how many keys of the person and browser it has
    stored boolean NOT NULL,
    PRIMARY KEY (workspace_id, website_id, group_id, id),
    FOREIGN KEY (workspace_id, website_id, group_id) REFERENCES duplicate_groups (workspace_id, website_id, id) ON DELETE CASCADE
);
CREATE INDEX duplicate_members_by_event ON duplicate_members (workspace_id, website_id, id);

-- What a rule that stops duplicates keeps back, so that groups found later are known as stopped.
CREATE TABLE duplicate_stops (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    rule_id uuid NOT NULL,
    family text NOT NULL,
    field text NOT NULL,
    value text NOT NULL,
    "when" jsonb NOT NULL,          -- of the rule, as it was made: a rule that says something else by now stops nothing
    "then" jsonb NOT NULL,
    PRIMARY KEY (workspace_id, website_id, rule_id),
    FOREIGN KEY (workspace_id, website_id, rule_id) REFERENCES filter_rules (workspace_id, website_id, id) ON DELETE CASCADE
);

-- Events under an id that was taken in before, by hour and by who told them; first_source: who had told it first ('' = no longer known).
CREATE TABLE duplicate_repeats (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    name text NOT NULL,
    source text NOT NULL,
    first_source text NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (workspace_id, website_id, hour, name, source, first_source)
);

-- No row: 10 minutes.
CREATE TABLE duplicate_settings (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    window_minutes integer NOT NULL CHECK (window_minutes BETWEEN 1 AND 1440),
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, website_id),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);

DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('duplicate_events', 'SELECT'),
        ('duplicate_keys', NULL),
        ('duplicate_groups', 'SELECT, UPDATE'),
        ('duplicate_members', 'SELECT'),
        ('duplicate_stops', 'SELECT, INSERT, UPDATE'),
        ('duplicate_repeats', 'SELECT'),
        ('duplicate_settings', 'SELECT, INSERT, UPDATE')) AS v(name, rights)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY tenant ON %I TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces())
            AND (clarity_website() IS NULL OR website_id = clarity_website()))', t.name);
        IF t.rights IS NOT NULL THEN
            EXECUTE format('GRANT %s ON %I TO clarity_tenant', t.rights, t.name);
        END IF;
    END LOOP;
END $$;
