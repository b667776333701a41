-- Who came from where, and which of it became a customer.

-- Stored events that a follower of the log has not read yet: the router hands every follower the ids that it takes out of the outbox, in
-- the same transaction. A queue of the installation, ordered by arrival alone.
CREATE TABLE event_feed (
    follower text NOT NULL,
    id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    event_ids uuid[] NOT NULL,
    PRIMARY KEY (follower, id)
);
ALTER TABLE event_feed ALTER COLUMN event_ids SET STORAGE EXTERNAL;

-- One row for an event that can earn credit, or that ties a visitor to a person: visits, clicks, forms, calls.
CREATE TABLE touchpoints (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,               -- the event's
    event_id text NOT NULL,         -- the sender's id of it
    occurred_at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('visit', 'click', 'platform_lead', 'lead', 'identify', 'call', 'outbound')),
    profile text NOT NULL,          -- whose it is: the visitor's id, or the event's own where no visitor is known
    visitor_id text,
    session_id text,
    channel text,                   -- NULL: earns no credit, tells only who it was
    source text,
    medium text,
    campaign text,
    content text,
    term text,
    link_id uuid,
    click_id text,                  -- kind and value (gclid.abc)
    landing text,                   -- path of the page, without its query
    referrer text,                  -- host
    location text,
    service text,
    device text,
    os text,
    browser text,
    is_test boolean NOT NULL DEFAULT false,
    personal_sealed bytea,          -- names, emails, phones, address, normalised; NULL in privacy mode
    PRIMARY KEY (workspace_id, website_id, id)
);
CREATE INDEX touchpoints_by_time ON touchpoints (workspace_id, website_id, occurred_at) WHERE channel IS NOT NULL;
CREATE INDEX touchpoints_by_profile ON touchpoints (workspace_id, website_id, profile, occurred_at);
-- a landing looks for the click on a campaign link that led to it
CREATE INDEX touchpoints_by_tracking ON touchpoints (workspace_id, website_id, click_id) WHERE click_id LIKE 'ct\_tracking\_id.%';

-- What a touchpoint can be found by: keyed hashes (64 bits of HMAC-SHA-256) of visitor id, click id, email and its local part, phone and its last seven
-- digits, surname, address ... One lookup of an index for each key of a booking.
CREATE TABLE touchpoint_keys (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    key bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    touchpoint_id uuid NOT NULL,
    PRIMARY KEY (workspace_id, website_id, key, occurred_at, touchpoint_id)
);
CREATE INDEX touchpoint_keys_by_touchpoint ON touchpoint_keys (workspace_id, website_id, touchpoint_id);

-- The same of conversions, so that a touchpoint which is told late finds those it may belong to.
CREATE TABLE conversion_keys (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    key bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    conversion_id uuid NOT NULL,
    PRIMARY KEY (workspace_id, website_id, key, occurred_at, conversion_id),
    FOREIGN KEY (workspace_id, conversion_id) REFERENCES conversions (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX conversion_keys_by_conversion ON conversion_keys (workspace_id, conversion_id);

-- Conversions to match, again or for the first time. A queue of the installation.
CREATE TABLE match_queue (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    conversion_id uuid NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, conversion_id),
    FOREIGN KEY (workspace_id, conversion_id) REFERENCES conversions (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX match_queue_due ON match_queue (due_at);

-- A conversion joined to a touchpoint, or the answer that there is none.
CREATE TABLE matches (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    conversion_id uuid NOT NULL,
    touchpoint_id uuid,             -- the last one that can earn credit; NULL: none belongs to the customer
    confidence double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1), -- probability that this answer is right
    decision text NOT NULL CHECK (decision IN ('matched', 'unmatched', 'review', 'confirmed', 'rejected')),
    reasons jsonb NOT NULL,         -- sentences, strongest first
    evidence jsonb NOT NULL,        -- fields with their levels and weights
    model text NOT NULL,            -- which weights were used
    matched_at timestamptz NOT NULL,
    decided_by uuid,                -- who confirmed or rejected it
    decided_at timestamptz,
    PRIMARY KEY (workspace_id, conversion_id),
    FOREIGN KEY (workspace_id, conversion_id) REFERENCES conversions (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX matches_by_decision ON matches (workspace_id, website_id, decision, conversion_id);

-- Every touchpoint held to be the customer's, each with the probability that it is: the path that models give credit to.
CREATE TABLE match_touches (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    conversion_id uuid NOT NULL,
    touchpoint_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    confidence double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    PRIMARY KEY (workspace_id, conversion_id, touchpoint_id),
    FOREIGN KEY (workspace_id, conversion_id) REFERENCES conversions (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX match_touches_by_touchpoint ON match_touches (workspace_id, touchpoint_id);

-- From which probability a match earns credit, and below which a person is asked. No row: .5 and .8.
CREATE TABLE match_settings (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    credit_from double precision NOT NULL DEFAULT 0.5,
    review_below double precision NOT NULL DEFAULT 0.8,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, website_id),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);

-- The identified humans. A person that was merged into another keeps its row and its identifiers, so that a merge can be undone.
CREATE TABLE persons (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    merged_into uuid,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    personal_sealed bytea,          -- newest name, email, phone for the screen; NULL in privacy mode
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX persons_by_website ON persons (workspace_id, website_id, id);
CREATE INDEX persons_merged ON persons (workspace_id, merged_into) WHERE merged_into IS NOT NULL;

-- What a person is known by. token is keyed like touchpoint_keys, for visitors the id itself.
CREATE TABLE person_ids (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('visitor', 'click', 'email', 'phone', 'external')),
    token text NOT NULL,
    person_id uuid NOT NULL,        -- the one it was first seen with; follow merged_into
    others uuid[] NOT NULL DEFAULT '{}', -- people it was seen with and could not be theirs; with three of them it identifies no one
    source text NOT NULL,           -- event, conversion
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, website_id, kind, token),
    FOREIGN KEY (workspace_id, person_id) REFERENCES persons (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX person_ids_by_person ON person_ids (workspace_id, person_id);

-- Why two persons became one, and that they are two again.
CREATE TABLE person_merges (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    kept_id uuid NOT NULL,
    merged_id uuid NOT NULL,
    kind text NOT NULL,             -- of the identifier that showed them together; 'manual' when a member said so
    confidence double precision NOT NULL,
    source_id uuid,                 -- the event or conversion that showed it
    merged_at timestamptz NOT NULL,
    undone_at timestamptz,
    undone_by uuid,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, kept_id) REFERENCES persons (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, merged_id) REFERENCES persons (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX person_merges_by_kept ON person_merges (workspace_id, kept_id);
CREATE INDEX person_merges_by_merged ON person_merges (workspace_id, merged_id);

-- What a source tells of an order takes the place of what the page told of it.
CREATE UNIQUE INDEX conversions_tracked_once ON conversions (workspace_id, website_id, sender_id, event_name, is_test) WHERE source = 'event';
CREATE INDEX conversions_by_sender ON conversions (workspace_id, website_id, sender_id);
CREATE INDEX conversions_by_number ON conversions (workspace_id, website_id, number) WHERE number IS NOT NULL;

-- The human a conversion belongs to.
ALTER TABLE conversions ADD COLUMN person_id uuid;
CREATE INDEX conversions_by_person ON conversions (workspace_id, person_id) WHERE person_id IS NOT NULL;

DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('touchpoints', 'SELECT'),
        ('touchpoint_keys', NULL),
        ('conversion_keys', NULL),
        ('match_queue', 'SELECT'),
        ('matches', 'SELECT'),
        ('match_touches', 'SELECT'),
        ('match_settings', 'SELECT, INSERT, UPDATE'),
        ('persons', 'SELECT'),
        ('person_ids', 'SELECT'),
        ('person_merges', 'SELECT')) AS v(name, rights)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY tenant ON %I TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces())
            AND (clarity_website() IS NULL OR website_id = clarity_website()))', t.name);
        IF t.rights IS NOT NULL THEN
            EXECUTE format('GRANT %s ON %I TO clarity_tenant', t.rights, t.name);
        END IF;
    END LOOP;
END $$;
