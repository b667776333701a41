using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ClarityTracking.Core.Data.Migrations
{
    /// <inheritdoc />
    public partial class ConnectionCallsBooked : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "calls_booked_until",
                table: "connections",
                type: "timestamp with time zone",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "calls_booked_until",
                table: "connections");
        }
    }
}
