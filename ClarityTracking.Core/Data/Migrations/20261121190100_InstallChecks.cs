using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>The newest check of each website's page.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121190100_InstallChecks")]
public sealed class InstallChecks : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE TABLE install_checks (
            workspace_id uuid NOT NULL,
            website_id uuid NOT NULL,
            id uuid NOT NULL,
            status text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
            stage text, -- what it is doing
            url text NOT NULL,
            origin text NOT NULL, -- the app from outside, when it was asked for
            by_browser boolean,
            note text,
            findings jsonb,
            next_at timestamptz NOT NULL, -- due, or when the lease of whoever is at it ends
            created_by text NOT NULL,
            created_at timestamptz NOT NULL,
            finished_at timestamptz,
            PRIMARY KEY (workspace_id, website_id),
            FOREIGN KEY (workspace_id, website_id) REFERENCES websites (workspace_id, id) ON DELETE CASCADE
        );
        -- a queue of the installation: ordered by time alone
        CREATE INDEX install_checks_due ON install_checks (next_at) WHERE status IN ('queued', 'running');

        ALTER TABLE install_checks ENABLE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON install_checks TO clarity_tenant USING (workspace_id = ANY (clarity_workspaces()) AND (clarity_website() IS NULL OR website_id = clarity_website()));
        GRANT SELECT, INSERT, UPDATE ON install_checks TO clarity_tenant;
        """);
}
