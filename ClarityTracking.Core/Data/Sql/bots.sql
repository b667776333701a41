-- What a website's members say about bots, asked before our own verdict.
CREATE TABLE bot_rules (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('bot', 'human')),
    "when" jsonb NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX bot_rules_by_website ON bot_rules (workspace_id, website_id, id);

-- Verdicts that a member turned round: what stood there before, so that it can be put back.
CREATE TABLE bot_reviews (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    event_id uuid NOT NULL,         -- our id
    review_id uuid NOT NULL,        -- what was turned round together is put back together
    reason text,                    -- the verdict it had; NULL: it was none
    is_bot boolean NOT NULL,        -- what the member said
    reviewed_at timestamptz NOT NULL,
    reviewed_by uuid,
    PRIMARY KEY (workspace_id, event_id)
);
CREATE INDEX bot_reviews_together ON bot_reviews (workspace_id, website_id, review_id);

-- Only those held back; other events cost nothing.
CREATE INDEX events_quarantined ON events (workspace_id, website_id, id) WHERE bot_reason IS NOT NULL;

DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES ('bot_rules', 'SELECT, INSERT, UPDATE, DELETE'), ('bot_reviews', 'SELECT')) AS v(name, rights)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY tenant ON %I TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces())
            AND (clarity_website() IS NULL OR website_id = clarity_website()))', t.name);
        EXECUTE format('GRANT %s ON %I TO clarity_tenant', t.rights, t.name);
    END LOOP;
END $$;
