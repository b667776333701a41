-- Short tracked links. A click is an event of its website (name link_click, event_id = its tracking id), made durable by intake's group commit.
CREATE TABLE campaign_links (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    target_url text NOT NULL,
    channel text,
    campaign text,
    utm jsonb,
    window_days integer NOT NULL DEFAULT 30,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz, -- its slug stays taken and its clicks stay attributed
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);
-- one slug for the whole installation: a redirect names nothing else
CREATE UNIQUE INDEX campaign_links_slug ON campaign_links (lower(slug));
CREATE INDEX campaign_links_by_website ON campaign_links (workspace_id, website_id, id);

ALTER TABLE campaign_links ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON campaign_links TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces())
    AND (clarity_website() IS NULL OR website_id = clarity_website()));
GRANT SELECT, INSERT, UPDATE ON campaign_links TO clarity_tenant;

-- Conversions that pages record by a click.
ALTER TABLE conversions ADD COLUMN tracking_id uuid;
ALTER TABLE conversions ADD COLUMN link_id uuid;
ALTER TABLE conversions ADD COLUMN event_name text;
CREATE INDEX conversions_by_tracking ON conversions (workspace_id, website_id, tracking_id) WHERE tracking_id IS NOT NULL;
CREATE INDEX conversions_by_link ON conversions (workspace_id, website_id, link_id) WHERE link_id IS NOT NULL;
CREATE UNIQUE INDEX conversions_recorded_once ON conversions (workspace_id, website_id, tracking_id, event_name, sender_id) WHERE tracking_id IS NOT NULL;

-- Few events carry these; the others cost nothing.
CREATE INDEX events_by_tracking ON events (workspace_id, website_id, (click_ids -> 'ct_tracking_id' ->> 'value')) WHERE click_ids ? 'ct_tracking_id';
CREATE INDEX events_by_link ON events (workspace_id, website_id, (click_ids -> 'ct_campaign_link_id' ->> 'value'), id) WHERE click_ids ? 'ct_campaign_link_id';
