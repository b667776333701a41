using System.Data.Common;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace ClarityTracking.Core.Data;

/// <summary>What a database context may see.</summary>
public abstract record DbScope
{
    private DbScope() { }

    /// <summary>Everything. For intake, routing, delivery, accounts and migrations; endpoints and pages never take it (Tests/Architecture).</summary>
    public sealed record System : DbScope;

    /// <summary>What a caller may see.</summary>
    public sealed record Of(Caller Caller) : DbScope;
}

/// <summary>
/// Makes database contexts. <see cref="For"/> is the one mechanism of tenant isolation: each connection it opens takes the role
/// <c>clarity_tenant</c> and the caller's workspaces, and PostgreSQL's row level security does the rest (Data/Sql/tenant_isolation.sql).
/// </summary>
public sealed class ClarityDb(IDbContextFactory<ClarityDbContext> contexts)
{
    /// <summary>A context that sees what the caller may see. Dispose it.</summary>
    public ClarityDbContext For(Caller caller) => Scoped(new DbScope.Of(caller));

    /// <summary>A context that sees all tenants. Dispose it.</summary>
    public ClarityDbContext System() => Scoped(new DbScope.System());

    private ClarityDbContext Scoped(DbScope scope)
    {
        var context = contexts.CreateDbContext();
        context.Scope = scope;
        return context;
    }
}

/// <summary>Narrows each opened connection to its context's scope. The pool resets role and settings when it takes a connection back.</summary>
internal sealed class ScopeInterceptor : DbConnectionInterceptor
{
    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        using var command = Narrow(connection, eventData);
        command?.ExecuteNonQuery();
    }

    public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        await using var command = Narrow(connection, eventData);
        if (command is not null)
            await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static DbCommand? Narrow(DbConnection connection, ConnectionEndEventData eventData)
    {
        var scope = ((ClarityDbContext)eventData.Context!).Scope
            ?? throw new InvalidOperationException("This database context has no scope. Make it with ClarityDb.For(caller).");
        if (scope is not DbScope.Of(var caller))
            return null;
        var command = connection.CreateCommand();
        command.CommandText = "SELECT set_config('role', 'clarity_tenant', false), set_config('clarity.workspaces', $1, false), set_config('clarity.website', $2, false)";
        command.Parameters.Add(new Npgsql.NpgsqlParameter { Value = string.Join(',', caller.Workspaces.Keys) });
        command.Parameters.Add(new Npgsql.NpgsqlParameter { Value = caller.WebsiteId?.ToString() ?? "" });
        return command;
    }
}
