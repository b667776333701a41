-- Tenant isolation, once for all tables: requests of callers run as the role clarity_tenant, narrowed by two session settings, and
-- row level security leaves out every row of another workspace (and, for a key, of another website).
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'clarity_tenant') THEN
        CREATE ROLE clarity_tenant NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL; -- another node or database of this server was quicker
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'The database user may not create roles. As an administrator run: CREATE ROLE clarity_tenant NOLOGIN; GRANT clarity_tenant TO %;', current_user;
END $$;
-- From PostgreSQL 16 on, who creates a role may give it away but not take it (SET), so membership alone does not tell.
DO $$
BEGIN
    IF NOT (CASE WHEN current_setting('server_version_num')::int >= 160000
                THEN pg_has_role(current_user, 'clarity_tenant', 'SET') ELSE pg_has_role(current_user, 'clarity_tenant', 'MEMBER') END) THEN
        EXECUTE format('GRANT clarity_tenant TO %I', current_user);
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'The database user may not take the role clarity_tenant. As an administrator run: GRANT clarity_tenant TO %;', current_user;
END $$;

-- Unset or empty settings give an empty list: nothing is visible.
CREATE FUNCTION clarity_workspaces() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN string_to_array(current_setting('clarity.workspaces', true), ',')::uuid[];
-- NULL = not narrowed to one website.
CREATE FUNCTION clarity_website() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('clarity.website', true), '')::uuid;

GRANT USAGE ON SCHEMA public TO clarity_tenant;

DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        -- table, column of the website (NULL: the workspace alone decides), what callers may do
        ('members', NULL, 'SELECT, INSERT, UPDATE, DELETE'),
        ('websites', 'id', 'SELECT, INSERT, UPDATE, DELETE'),
        ('api_keys', 'website_id', 'SELECT, INSERT, UPDATE, DELETE'),
        ('connections', 'website_id', 'SELECT, INSERT, UPDATE, DELETE'),
        ('audit_log', NULL, 'SELECT, INSERT'),
        ('events', 'website_id', 'SELECT'),
        ('dropped_events', 'website_id', 'SELECT'),
        ('delivery_queue', 'website_id', 'SELECT, INSERT, UPDATE'),
        ('deliveries', 'website_id', 'SELECT, DELETE'),
        ('delivery_attempts', NULL, 'SELECT'),
        ('delivery_calls', 'website_id', 'SELECT'),
        ('event_rollups', 'website_id', 'SELECT'),
        ('key_rollups', 'website_id', 'SELECT'),
        ('delivery_rollups', 'website_id', 'SELECT')) AS v(name, website_column, rights)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY tenant ON %I TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces())%s)', t.name,
            CASE WHEN t.website_column IS NULL THEN '' ELSE format(' AND (clarity_website() IS NULL OR %I = clarity_website())', t.website_column) END);
        EXECUTE format('GRANT %s ON %I TO clarity_tenant', t.rights, t.name);
    END LOOP;
END $$;

ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON workspaces TO clarity_tenant USING (id = ANY (clarity_workspaces()));
GRANT SELECT, UPDATE ON workspaces TO clarity_tenant;

-- Of users a caller sees the names of fellow members, never credentials.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON users TO clarity_tenant USING (EXISTS (SELECT FROM members m WHERE m.user_id = users.id));
GRANT SELECT (id, email, user_name, name, created_at) ON users TO clarity_tenant;
GRANT SELECT ON delivery_states TO clarity_tenant;
