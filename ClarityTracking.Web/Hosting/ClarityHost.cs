using ClarityTracking.Core;

namespace ClarityTracking.Web.Hosting;

/// <summary>How the process starts, tells where it is, and ends.</summary>
public static partial class ClarityHost
{
    /// <summary>A builder with the app's own defaults; settings and <c>--urls</c> win over all of them.</summary>
    public static WebApplicationBuilder CreateBuilder(string[] args)
    {
        // A published app serves the files beside it, wherever it is started from; `dotnet run` those of the project.
        var published = Directory.Exists(Path.Combine(AppContext.BaseDirectory, "wwwroot"));
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = published ? AppContext.BaseDirectory : null });
        if (builder.Configuration["urls"] is null && builder.Configuration["http_ports"] is null)
            builder.WebHost.UseUrls("http://localhost:5080");
        builder.WebHost.UseStaticWebAssets();
        builder.WebHost.ConfigureKestrel(server => server.AddServerHeader = false);
        // SIGTERM and Ctrl+C: no new requests, those that run end, what was accepted is stored, calls to platforms are recorded.
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(30));
        return builder;
    }

    /// <summary>One line, once the app listens: where, on which data, as what.</summary>
    public static void AnnounceStart(this WebApplication app, Installation installation, NodeRoles roles) =>
        app.Lifetime.ApplicationStarted.Register(() => LogStarted(app.Logger, string.Join(' ', app.Urls), installation.DataPlace, roles.ToString().ToLowerInvariant()));

    [LoggerMessage(2001, LogLevel.Information, "ClarityTracking listens on {Urls}; data in {Data}; roles {Roles}")]
    private static partial void LogStarted(ILogger log, string urls, string data, string roles);
}
