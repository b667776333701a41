using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>A conversion names its link by id alone; the link tells the workspace.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121170000_LinkIndexes")]
public sealed class LinkIndexes : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("CREATE UNIQUE INDEX campaign_links_by_id ON campaign_links (id);");
}
