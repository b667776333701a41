using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>What members say about bots: rules, and verdicts they turned round.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121195000_Bots")]
public sealed class Bots : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("bots.sql"));
}
