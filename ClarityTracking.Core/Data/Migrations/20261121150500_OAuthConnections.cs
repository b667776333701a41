using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>Consents that are under way, what was granted to connections, and when credentials end.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121150500_OAuthConnections")]
public sealed class OAuthConnections : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(EventLog.Read("oauth.sql"));
}
