using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ClarityTracking.Core.Data.Migrations
{
    /// <inheritdoc />
    public partial class ScriptAliasAndDailySalts : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string[]>(
                name: "former_script_aliases",
                table: "websites",
                type: "text[]",
                nullable: false,
                defaultValue: new string[0]);

            migrationBuilder.AddColumn<string>(
                name: "script_alias",
                table: "websites",
                type: "character varying(40)",
                maxLength: 40,
                nullable: false,
                defaultValue: "");

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "script_alias_changed_at",
                table: "websites",
                type: "timestamp with time zone",
                nullable: true);

            // what ScriptAlias.New makes, once for each website there is
            migrationBuilder.Sql("""
                UPDATE websites w SET script_alias = (
                    SELECT string_agg(substr('bcdfghjkmnpqrstvwxyz23456789', 1 + floor(random() * 28)::int, 1), '')
                      FROM generate_series(1, 8) WHERE w.id IS NOT NULL);
                ALTER TABLE websites ALTER COLUMN script_alias DROP DEFAULT, ALTER COLUMN former_script_aliases DROP DEFAULT;
                """);

            migrationBuilder.CreateIndex(
                name: "ix_websites_script_alias",
                table: "websites",
                column: "script_alias",
                unique: true);

            // One random salt per UTC day, sealed; of the installation, so callers have no right to it at all.
            migrationBuilder.Sql("CREATE TABLE daily_salts (day date PRIMARY KEY, sealed bytea NOT NULL);");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("DROP TABLE daily_salts;");

            migrationBuilder.DropIndex(
                name: "ix_websites_script_alias",
                table: "websites");

            migrationBuilder.DropColumn(
                name: "former_script_aliases",
                table: "websites");

            migrationBuilder.DropColumn(
                name: "script_alias",
                table: "websites");

            migrationBuilder.DropColumn(
                name: "script_alias_changed_at",
                table: "websites");
        }
    }
}
