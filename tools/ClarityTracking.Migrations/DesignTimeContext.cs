using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace ClarityTracking.Migrations;

/// <summary>Gives <c>dotnet ef</c> the context without a database.</summary>
public sealed class DesignTimeContext : IDesignTimeDbContextFactory<ClarityDbContext>
{
    public ClarityDbContext CreateDbContext(string[] args)
    {
        var options = new DbContextOptionsBuilder<ClarityDbContext>();
        DataServices.Configure(options, NpgsqlDataSource.Create("Host=localhost;Database=design"));
        // Design time and run time must agree on Identity's schema version.
        options.UseApplicationServiceProvider(new ServiceCollection()
            .Configure<IdentityOptions>(IdentitySchema.Configure).BuildServiceProvider());
        return new ClarityDbContext(options.Options);
    }
}
