using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Ingestion.Validate;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>
/// Makes checks, one at a time on each node: asks robots.txt, looks at the page with a browser where there is one, else as it is sent, and notes what
/// that means.
/// </summary>
public sealed partial class InstallCheckWorker(NpgsqlDataSource database, PublicNetworks networks, KeyDirectory keys, IConfiguration configuration, ChecksQueued queued,
    TimeProvider clock, ILogger<InstallCheckWorker> log) : BackgroundService
{
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(3), Poll = TimeSpan.FromSeconds(5), AfterFailure = TimeSpan.FromSeconds(5), ArrivalLimit = TimeSpan.FromSeconds(3);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await ClaimAsync(stoppingToken) is { } order)
                    await MakeAsync(order, stoppingToken);
                else
                    await queued.WaitAsync(Poll, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) // the database is away; a check that was begun is begun again when its lease ends
            {
                LogFailed(error);
                await Task.Delay(AfterFailure, clock, stoppingToken);
            }
        }
    }

    private sealed record CheckOrder(Guid WorkspaceId, Guid WebsiteId, Guid Id, Uri Url, string? Origin, string Domain, string Alias);

    private async Task MakeAsync(CheckOrder order, CancellationToken cancel)
    {
        try
        {
            var (findings, byBrowser, note) = await CheckAsync(order, cancel);
            await EndAsync(order, InstallCheckStatus.Done, byBrowser, note, findings, cancel);
        }
        catch (Exception error) when (error is not (OperationCanceledException or NpgsqlException))
        {
            LogBroken(error, order.WebsiteId);
            await EndAsync(order, InstallCheckStatus.Failed, null, "An unexpected error; the server's log has its details.", [], cancel);
        }
    }

    private async Task<(List<InstallFinding> Findings, bool ByBrowser, string? Note)> CheckAsync(CheckOrder order, CancellationToken cancel)
    {
        var fetch = new PageFetch(networks);
        await StageAsync(order, "Reading robots.txt", cancel);
        var robots = await fetch.GetAsync(new Uri(order.Url, "/robots.txt"), cancel, RobotsTxt.MostBytes);
        if (robots.Status >= 500)
            return ([new InstallFinding("page", FindingKind.Fail, $"robots.txt answers HTTP {robots.Status}, so nobody polite may look at the page.", "Correct the server and check again.")], false, null);
        if (robots.Status is >= 200 and < 300 && !RobotsTxt.Allows(robots.Html, PageSight.Agent, order.Url.PathAndQuery))
            return ([new InstallFinding("page", FindingKind.Fail, "robots.txt does not let the check look at the page.", "Allow it by its name, and check again.", $"User-agent: {PageSight.Agent}\nAllow: /")], false, null);

        await StageAsync(order, "Opening the page", cancel);
        var began = clock.GetUtcNow();
        var (sight, note) = await LookAsync(order, fetch, cancel);
        await StageAsync(order, "Looking for the event", cancel);
        bool? hasArrived = sight.Requests.Any(r => InstallDiagnosis.IsCollect(r.Url, order.Alias) && r.Status is >= 200 and < 300) ? await HasArrivedAsync(order, began, cancel) : null;
        var site = new DiagnosedWebsite(order.WebsiteId, order.Domain, order.Alias, order.Origin, keys.FindAsync);
        return (await InstallDiagnosis.OfAsync(sight, site, hasArrived), sight.ByBrowser, note);
    }

    private async Task<(PageSight Sight, string? Note)> LookAsync(CheckOrder order, PageFetch fetch, CancellationToken cancel)
    {
        const string Limits = "Only the document as it is sent was read: scripts did not run, so what they add was not seen and no event was tried.";
        var browser = new PageBrowser(networks, configuration);
        if (browser.Find() is not { } path)
            return (await fetch.GetAsync(order.Url, cancel), $"{Limits} The operator can put a Chromium on the server.");
        if (!browser.MayRun)
            return (await fetch.GetAsync(order.Url, cancel), $"{Limits} The app runs as root, where a browser has no sandbox: the operator can run it as another user.");
        try
        {
            return (await browser.LookAsync(path, order.Url, url => InstallDiagnosis.IsCollect(url, order.Alias), cancel), null);
        }
        catch (IOException error)
        {
            LogNoBrowser(error);
            return (await fetch.GetAsync(order.Url, cancel), $"{Limits} The browser on the server does not run; its log says why.");
        }
    }

    /// <summary>Whether a test event of the website was stored since; intake marks those of the check as tests.</summary>
    private async Task<bool> HasArrivedAsync(CheckOrder order, DateTimeOffset since, CancellationToken cancel)
    {
        for (var until = clock.GetUtcNow() + ArrivalLimit; ;)
        {
            await using var command = database.CreateCommand("SELECT EXISTS (SELECT FROM events WHERE workspace_id = $1 AND website_id = $2 AND id >= $3 AND is_test)");
            if ((bool)(await command.With(order.WorkspaceId, order.WebsiteId, Partitions.LowestId(since)).ExecuteScalarAsync(cancel))!)
                return true;
            if (clock.GetUtcNow() >= until)
                return false;
            await Task.Delay(200, cancel);
        }
    }

    private async Task<CheckOrder?> ClaimAsync(CancellationToken cancel)
    {
        if (!InstallChecks.IsEnabledBy(configuration))
            return null; // what was asked for before waits
        var now = clock.GetUtcNow();
        await using var command = database.CreateCommand("""
            -- materialized: a join may ask a subquery again for each row, and each time it would skip what it has locked
            WITH due AS MATERIALIZED (
                SELECT workspace_id, website_id FROM install_checks WHERE status IN ('queued', 'running') AND next_at <= $1
                 ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            UPDATE install_checks c SET status = 'running', next_at = $2
              FROM due, websites w
             WHERE c.workspace_id = due.workspace_id AND c.website_id = due.website_id AND w.workspace_id = due.workspace_id AND w.id = due.website_id
            RETURNING c.workspace_id, c.website_id, c.id, c.url, c.origin, w.domain, w.script_alias
            """);
        await using var row = await command.With(now, now + Lease).ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel)
            ? new CheckOrder(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), new Uri(row.GetString(3)), row.GetString(4) is { Length: > 0 } origin ? origin : null, row.GetString(5), row.GetString(6)) : null;
    }

    private async Task StageAsync(CheckOrder order, string stage, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("UPDATE install_checks SET stage = $4 WHERE workspace_id = $1 AND website_id = $2 AND id = $3 AND status = 'running'");
        await command.With(order.WorkspaceId, order.WebsiteId, order.Id, stage).ExecuteNonQueryAsync(cancel);
    }

    private async Task EndAsync(CheckOrder order, InstallCheckStatus status, bool? byBrowser, string? note, List<InstallFinding> findings, CancellationToken cancel)
    {
        await using var command = database.CreateCommand("""
            UPDATE install_checks SET status = $4, stage = NULL, by_browser = $5::boolean, note = $6::text, findings = $7::jsonb, finished_at = $8
             WHERE workspace_id = $1 AND website_id = $2 AND id = $3 AND status = 'running'
            """);
        await command.With(order.WorkspaceId, order.WebsiteId, order.Id, status.Word(), byBrowser, note, JsonSerializer.Serialize(findings).Replace("\\u0000", "", StringComparison.Ordinal), clock.GetUtcNow()).ExecuteNonQueryAsync(cancel);
    }

    [LoggerMessage(1601, LogLevel.Error, "Checking websites failed; it is tried again")]
    private partial void LogFailed(Exception error);

    [LoggerMessage(1602, LogLevel.Error, "The check of website {WebsiteId} broke")]
    private partial void LogBroken(Exception error, Guid websiteId);

    [LoggerMessage(1603, LogLevel.Warning, "The browser for checks of websites does not run; pages are only fetched")]
    private partial void LogNoBrowser(Exception error);
}
