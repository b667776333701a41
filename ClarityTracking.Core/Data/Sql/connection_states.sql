-- Each change of a connection's state. A trigger writes it, so no way of changing a connection can forget to.
CREATE TABLE connection_states (
    workspace_id uuid NOT NULL,
    website_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    state text NOT NULL,
    reason text,
    -- where a pause ended: the deliveries that had waited, since when, and what became of them, written once none of them is due any more
    waiting bigint,
    waiting_since timestamptz,
    drained_at timestamptz,
    sent bigint,
    too_old bigint,
    dead bigint,
    skipped bigint,
    retrying bigint,
    PRIMARY KEY (workspace_id, connection_id, number),
    FOREIGN KEY (workspace_id, connection_id) REFERENCES connections (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX connection_states_draining ON connection_states (number) WHERE waiting IS NOT NULL AND drained_at IS NULL;

INSERT INTO connection_states (workspace_id, website_id, connection_id, at, state, reason)
SELECT workspace_id, website_id, id, state_changed_at, state, state_reason FROM connections;

-- As the owner: callers may read the history, not write it.
CREATE FUNCTION clarity_note_connection_state() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'paused' THEN
        INSERT INTO connection_states (workspace_id, website_id, connection_id, at, state, reason, waiting, waiting_since)
        SELECT NEW.workspace_id, NEW.website_id, NEW.id, NEW.state_changed_at, NEW.state, NEW.state_reason, count(*), min(q.created_at)
          FROM delivery_queue q WHERE q.workspace_id = NEW.workspace_id AND q.connection_id = NEW.id;
    ELSE
        INSERT INTO connection_states (workspace_id, website_id, connection_id, at, state, reason)
        VALUES (NEW.workspace_id, NEW.website_id, NEW.id, NEW.state_changed_at, NEW.state, NEW.state_reason);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER connection_made AFTER INSERT ON connections FOR EACH ROW EXECUTE FUNCTION clarity_note_connection_state();
CREATE TRIGGER connection_state_changed AFTER UPDATE OF state ON connections
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION clarity_note_connection_state();

ALTER TABLE connection_states ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON connection_states TO clarity_tenant
    USING (workspace_id = ANY (clarity_workspaces()) AND (clarity_website() IS NULL OR website_id = clarity_website()));
GRANT SELECT ON connection_states TO clarity_tenant;
