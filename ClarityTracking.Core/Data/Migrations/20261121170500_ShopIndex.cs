using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace ClarityTracking.Core.Data.Migrations;

/// <summary>Shops are found by their domain on a path that anyone may call.</summary>
[DbContext(typeof(ClarityDbContext))]
[Migration("20261121170500_ShopIndex")]
public sealed class ShopIndex : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql("CREATE INDEX connections_by_shop ON connections (lower(settings ->> 'shop_domain')) WHERE platform = 'shopify'");
}
