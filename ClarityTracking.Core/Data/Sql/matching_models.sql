-- What a workspace's own decisions taught matching: calibration curves, see MatchCalibration.
CREATE TABLE matching_models (
    workspace_id uuid NOT NULL PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    decisions integer NOT NULL,     -- of people, that were learned from
    attributed jsonb NOT NULL,      -- points of the curve for answers that name a touchpoint: [[raw, share right], ...]
    unattributed jsonb NOT NULL,    -- the same for the answer that there is none
    learned_at timestamptz NOT NULL
);
ALTER TABLE matching_models ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON matching_models TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces()));
GRANT SELECT ON matching_models TO clarity_tenant;

-- The keys of a touchpoint beside it: who reads a touchpoint to compare it reads them too.
ALTER TABLE touchpoints ADD COLUMN keys bigint[] NOT NULL DEFAULT '{}';
