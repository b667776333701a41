using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>The history of connections' states.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121150300_ConnectionStates")]
public sealed class ConnectionStates : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("connection_states.sql"));
}
