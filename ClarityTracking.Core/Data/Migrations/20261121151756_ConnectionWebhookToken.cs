using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ClarityTracking.Core.Data.Migrations
{
    /// <inheritdoc />
    public partial class ConnectionWebhookToken : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "webhook_token",
                table: "connections",
                type: "character varying(64)",
                maxLength: 64,
                nullable: true);

            migrationBuilder.CreateIndex(
                name: "ix_connections_webhook_token",
                table: "connections",
                column: "webhook_token",
                unique: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_connections_webhook_token",
                table: "connections");

            migrationBuilder.DropColumn(
                name: "webhook_token",
                table: "connections");
        }
    }
}
