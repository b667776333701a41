-- From then on only a person can help (sign in at the platform again); NULL = no such time is known. Alerts read it.
ALTER TABLE connections ADD COLUMN credentials_expire_at timestamptz;

-- A consent that was begun. The state itself is never stored, only its hash; a row is taken once.
CREATE TABLE oauth_states (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    website_id uuid NOT NULL,
    hash bytea NOT NULL,                -- SHA-256 of the state
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session varchar(100) NOT NULL,      -- the sign-in it was begun in
    provider varchar(40) NOT NULL,
    connection_id uuid,                 -- NULL = a new connection
    shop varchar(255),
    redirect_uri varchar(2000) NOT NULL,
    verifier bytea,                     -- PKCE, sealed for the workspace
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    error_code varchar(80),             -- how it ended when it failed, for the page
    error varchar(1000),
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, hash),
    FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
);

-- What a person granted to a connection. The tokens are in the connection's sealed credentials.
CREATE TABLE oauth_grants (
    workspace_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    website_id uuid NOT NULL,
    provider varchar(40) NOT NULL,
    account_id varchar(255),
    account_name varchar(255),
    shop varchar(255),
    scopes text[] NOT NULL,
    connected_by varchar(256) NOT NULL,
    connected_at timestamptz NOT NULL,
    refreshed_at timestamptz,           -- last success
    access_expires_at timestamptz,
    refresh_due_at timestamptz,         -- NULL = there is nothing to refresh, or it would not help
    lease_until timestamptz,            -- a node is refreshing
    failures integer NOT NULL DEFAULT 0,
    last_error varchar(1000),
    needs_reconnect boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace_id, connection_id),
    FOREIGN KEY (workspace_id, connection_id) REFERENCES connections (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_oauth_grants_website ON oauth_grants (workspace_id, website_id);

ALTER TABLE oauth_states ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON oauth_states TO clarity_tenant
    USING (workspace_id = ANY (clarity_workspaces()) AND (clarity_website() IS NULL OR website_id = clarity_website()));
GRANT SELECT, INSERT, UPDATE ON oauth_states TO clarity_tenant;

ALTER TABLE oauth_grants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON oauth_grants TO clarity_tenant
    USING (workspace_id = ANY (clarity_workspaces()) AND (clarity_website() IS NULL OR website_id = clarity_website()));
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth_grants TO clarity_tenant;
