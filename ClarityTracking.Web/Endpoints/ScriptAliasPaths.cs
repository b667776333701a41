using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Npgsql;

namespace ClarityTracking.Web.Endpoints;

/// <summary>
/// Puts each website's alias in front of the snippet's own paths, before routing, so that no catch-all route exists:
/// <c>/{alias}.js</c> is <c>/t.js</c>, <c>/{alias}</c> is <c>/api/v1/collect</c>, <c>/{alias}/…</c> is <c>/t/…</c>. Which alias it is makes
/// no difference to what is stored: the key in the request says whose event it is.
/// </summary>
public static class ScriptAliasPaths
{
    private static readonly object Key = new();

    extension(HttpContext http)
    {
        /// <summary>The alias a request came by; null when it came by the path itself.</summary>
        public string? ScriptAlias => http.Items[Key] as string;
    }

    /// <summary>Goes before everything that looks at the path.</summary>
    public static void UseScriptAliases(this WebApplication app)
    {
        var aliases = app.Services.GetRequiredService<ScriptAliasDirectory>();
        app.Use(async (http, next) =>
        {
            if (AliasIn(http.Request.Path.Value) is { } found)
            {
                try
                {
                    if (await aliases.IsAliasAsync(found.Alias))
                        (http.Items[Key], http.Request.Path) = (found.Alias, found.Path);
                }
                catch (NpgsqlException)
                {
                    // whether it is one cannot be told, and a 404 would make a snippet throw its events away
                    http.Response.Headers.RetryAfter = "5";
                    await Problems.Of(503, "database_unavailable", "The database is away. Try again in some seconds.").ExecuteAsync(http);
                    return;
                }
            }
            await next(http);
        });
    }

    /// <summary>What may be an alias in a path, and the path it stands for; null when none can be in it.</summary>
    internal static (string Alias, string Path)? AliasIn(string? path)
    {
        if (path is not { Length: > ScriptAlias.Shortest } || path[0] != '/')
            return null;
        var end = path.AsSpan(1).IndexOfAny('/', '.') + 1;
        var alias = end > 0 ? path[1..end] : path[1..];
        if (!ScriptAlias.IsWord(alias) || ScriptAlias.Reserved.Contains(alias))
            return null;
        return end == 0 ? (alias, "/api/v1/collect")
            : path[end] == '/' ? (alias, "/t" + path[end..])
            : path.AsSpan(end).SequenceEqual(".js") ? (alias, "/t.js")
            : null;
    }
}
