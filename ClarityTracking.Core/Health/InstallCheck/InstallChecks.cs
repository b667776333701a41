using System.Text.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Core.Health.InstallCheck;

/// <summary>Says that checks were asked for.</summary>
public sealed class ChecksQueued : Signal;

/// <summary>Asks for checks of a website's page and tells the newest. <see cref="InstallCheckWorker"/> makes them.</summary>
public sealed class InstallChecks(ClarityDb database, IConfiguration configuration, ChecksQueued queued, TimeProvider clock)
{
    private const int LongestUrl = 2000;

    /// <summary>The operator allows checks (<c>Clarity:InstallCheck:Enabled</c>, default true).</summary>
    public bool IsEnabled => IsEnabledBy(configuration);

    internal static bool IsEnabledBy(IConfiguration configuration) => !bool.TryParse(configuration["Clarity:InstallCheck:Enabled"], out var enabled) || enabled;

    /// <summary>The newest check.</summary>
    public async Task<Result<InstallCheckState>> GetAsync(Caller caller, Guid websiteId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        return website.IsOk ? new InstallCheckState(IsEnabled, await NewestAsync(db, website.Value, cancel)) : website.Error;
    }

    /// <summary>Begins a check in place of the one before. One at a time for each website.</summary>
    /// <param name="caller">Analyst of the website.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="page">A path or an address of the website's domain; null = its first page by https.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Result<InstallCheck>> StartAsync(Caller caller, Guid websiteId, string? page, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!found.IsOk)
            return found.Error;
        var website = found.Value;
        if (!IsEnabled)
            return new Error(ErrorKind.Conflict, "install_check_disabled", "The operator of this installation has switched checks of websites off.", []);
        if (UrlOf(page, website.Domain) is not { } url)
            return Error.Invalid(new FieldError("url", $"url must be a path, or an http or https address of {website.Domain}."));
        var now = clock.GetUtcNow();
        // only as the operator says: the findings show it to others as code to paste, and who calls chooses the host of the request
        var (id, text, from) = (Guid.CreateVersion7(now), url.AbsoluteUri, configuration["Clarity:PublicUrl"]?.TrimEnd('/') ?? "");
        var started = await db.Database.ExecuteSqlAsync($"""
            INSERT INTO install_checks AS c (workspace_id, website_id, id, status, url, origin, next_at, created_by, created_at)
            VALUES ({website.WorkspaceId}, {websiteId}, {id}, 'queued', {text}, {from}, {now}, {caller.Label}, {now})
            ON CONFLICT (workspace_id, website_id) DO UPDATE SET id = excluded.id, status = 'queued', stage = NULL, url = excluded.url, origin = excluded.origin, by_browser = NULL,
                note = NULL, findings = NULL, next_at = excluded.next_at, created_by = excluded.created_by, created_at = excluded.created_at, finished_at = NULL
             WHERE c.status IN ('done', 'failed')
            """, cancel);
        if (started == 0)
            return new Error(ErrorKind.Conflict, "install_check_running", "A check of this website is not finished yet.", []);
        db.Audit(website.WorkspaceId, caller, "website.checked", $"website {websiteId}", text, now);
        await db.SaveChangesAsync(cancel);
        queued.Raise();
        return (await NewestAsync(db, website, cancel))!;
    }

    private static Uri? UrlOf(string? page, string domain)
    {
        page = page?.Trim();
        if (page is { Length: > LongestUrl })
            return null;
        var text = string.IsNullOrEmpty(page) ? $"https://{domain}/" : page.StartsWith('/') && !page.StartsWith("//", StringComparison.Ordinal) ? $"https://{domain}{page}" : page;
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0
            && (url.Host.Equals(domain, StringComparison.OrdinalIgnoreCase) || url.Host.EndsWith("." + domain, StringComparison.OrdinalIgnoreCase)) ? url : null;
    }

    private static async Task<InstallCheck?> NewestAsync(ClarityDbContext db, Website website, CancellationToken cancel)
    {
        var rows = await db.Database.SqlQuery<Row>($"""
            SELECT id AS "Id", status AS "Status", stage AS "Stage", url AS "Url", by_browser AS "ByBrowser", note AS "Note", findings::text AS "Findings",
                   created_by AS "CreatedBy", created_at AS "CreatedAt", finished_at AS "FinishedAt"
              FROM install_checks WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id}
            """).ToListAsync(cancel);
        return rows is [var r] ? new InstallCheck(r.Id, EnumText.Parse<InstallCheckStatus>(r.Status)!.Value, r.Stage, r.Url, r.ByBrowser, r.Note,
            r.Findings is null ? [] : JsonSerializer.Deserialize<List<InstallFinding>>(r.Findings) ?? [], r.CreatedBy, r.CreatedAt, r.FinishedAt) : null;
    }

    private sealed record Row(Guid Id, string Status, string? Stage, string Url, bool? ByBrowser, string? Note, string? Findings, string CreatedBy, DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt);
}
