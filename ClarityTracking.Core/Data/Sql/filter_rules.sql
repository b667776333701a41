-- Which events reach which connection, and what is changed on the way. A rule goes with its website, and with the one connection it is for.
CREATE TABLE filter_rules (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    id uuid NOT NULL,
    name varchar(200) NOT NULL,
    priority integer NOT NULL,
    connection_id uuid, -- NULL = all connections of the website
    enabled boolean NOT NULL,
    "when" jsonb NOT NULL,
    "then" jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, website_id, id),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, connection_id) REFERENCES connections (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX filter_rules_by_connection ON filter_rules (workspace_id, connection_id) WHERE connection_id IS NOT NULL;

ALTER TABLE filter_rules ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON filter_rules TO clarity_tenant
    USING (workspace_id = ANY (clarity_workspaces()) AND (clarity_website() IS NULL OR website_id = clarity_website()));
GRANT SELECT, INSERT, UPDATE, DELETE ON filter_rules TO clarity_tenant;
