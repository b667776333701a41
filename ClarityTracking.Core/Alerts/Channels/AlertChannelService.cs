using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Core.Alerts.Channels;

/// <summary>Channels of a workspace: who is told of its alerts. Addresses of Slack and Teams and signing secrets are sealed and never shown again.</summary>
public sealed class AlertChannelService(
    ClarityDb database, SecretProtector protector, PublicNetworks networks, AlertSender sender, IConfiguration configuration, TimeProvider clock)
{
    private const int MostChannels = 50, MostAddresses = 20, LongestUrl = 2000;

    private static readonly DigestSchedule NoDigest = new(DigestRhythm.Off, 8, DayOfWeek.Monday, "UTC");

    /// <summary>All channels of a workspace, by name.</summary>
    public async Task<Result<IReadOnlyList<AlertChannelInfo>>> ListAsync(Caller caller, Guid workspaceId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var workspace = await db.WorkspaceAsync(caller, workspaceId, Role.Viewer, cancel);
        return workspace.IsOk ? (await ReadAsync(db, workspaceId, null, cancel)).ConvertAll(row => Info(row)) : workspace.Error;
    }

    /// <summary>One channel.</summary>
    public async Task<Result<AlertChannelInfo>> GetAsync(Caller caller, Guid workspaceId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await FindAsync(db, caller, workspaceId, id, Role.Viewer, cancel);
        return found.IsOk ? Info(found.Value) : found.Error;
    }

    /// <summary>Makes a channel. A webhook without a secret gets one, which this answer alone tells.</summary>
    public async Task<Result<AlertChannelInfo>> CreateAsync(Caller caller, Guid workspaceId, AlertChannelValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var workspace = await db.WorkspaceAsync(caller, workspaceId, Role.Admin, cancel);
        if (!workspace.IsOk)
            return workspace.Error;
        if (EnumText.Parse<AlertChannelKind>(values.Kind) is not { } kind)
            return Error.Invalid(new FieldError("kind", $"kind must be one of {string.Join(", ", EnumText.All<AlertChannelKind>())}."));
        if (values.WebsiteId is { } websiteId && !await db.Websites.AnyAsync(w => w.WorkspaceId == workspaceId && w.Id == websiteId, cancel))
            return Error.NotFound("website");
        var made = kind == AlertChannelKind.Webhook && Text(values.Credentials, "secret") is null ? StandardWebhook.NewSecret() : null;
        var rules = new FieldRules();
        var draft = Checked(rules, kind, new Draft(rules.Name("name", values.Name, required: true)!, true, default, null, AlertChannelSeverity.Warning, true, NoDigest), values, made);
        if (rules.Errors.Count > 0)
            return Error.Invalid(rules.Errors);
        if ((await ReadAsync(db, workspaceId, null, cancel)).Count >= MostChannels)
            return new Error(ErrorKind.Conflict, "too_many_channels", $"A workspace has at most {MostChannels} alert channels; delete one first.", []);

        var now = clock.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO alert_channels (workspace_id, id, website_id, kind, name, enabled, settings, least_severity, tells_resolved, digest, digest_hour, digest_weekday, time_zone, created_at)
            VALUES ({workspaceId}, {id}, {values.WebsiteId}::uuid, {kind.Word()}, '', true, {"{}"}::jsonb, 'warning', true, 'off', 0, 0, 'UTC', {now})
            """, cancel);
        await WriteAsync(db, workspaceId, id, draft, now, cancel);
        db.Audit(workspaceId, caller, "alert_channel.created", $"alert channel {id}", $"{kind.Word()}: {draft.Name}", now);
        await db.SaveChangesAsync(cancel);
        var row = (await ReadAsync(db, workspaceId, id, cancel)).Single();
        await transaction.CommitAsync(cancel);
        return Info(row, made);
    }

    /// <summary>Changes what is given.</summary>
    public async Task<Result<AlertChannelInfo>> ChangeAsync(Caller caller, Guid workspaceId, Guid id, AlertChannelValues values, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var found = await FindAsync(db, caller, workspaceId, id, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        var row = found.Value;
        var rules = new FieldRules();
        var old = new Draft(rules.Name("name", values.Name) ?? row.Name, row.Enabled, JsonElement.Parse(row.Settings), null, EnumText.Parse<AlertChannelSeverity>(row.Severity)!.Value,
            row.TellsResolved, Digest(row));
        var draft = Checked(rules, EnumText.Parse<AlertChannelKind>(row.Kind)!.Value, old, values, null);
        if (rules.Errors.Count > 0)
            return Error.Invalid(rules.Errors);
        var now = clock.GetUtcNow();
        await WriteAsync(db, workspaceId, id, draft, now, cancel);
        db.Audit(workspaceId, caller, "alert_channel.changed", $"alert channel {id}", draft.Name, now);
        await db.SaveChangesAsync(cancel);
        row = (await ReadAsync(db, workspaceId, id, cancel)).Single();
        await transaction.CommitAsync(cancel);
        return Info(row);
    }

    /// <summary>Deletes a channel with its messages, also those that wait.</summary>
    public async Task<Result<Done>> DeleteAsync(Caller caller, Guid workspaceId, Guid id, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var found = await FindAsync(db, caller, workspaceId, id, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        await db.Database.ExecuteSqlAsync($"DELETE FROM alert_channels WHERE workspace_id = {workspaceId} AND id = {id}", cancel);
        db.Audit(workspaceId, caller, "alert_channel.deleted", $"alert channel {id}", found.Value.Name, clock.GetUtcNow());
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return Done.It;
    }

    /// <summary>Sends a test message now and says how it went.</summary>
    public async Task<Result<ChannelAnswer>> TestAsync(Caller caller, Guid workspaceId, Guid id, CancellationToken cancel)
    {
        Row row;
        string name;
        await using (var db = database.For(caller))
        {
            var found = await FindAsync(db, caller, workspaceId, id, Role.Admin, cancel);
            if (!found.IsOk)
                return found.Error;
            row = found.Value;
            name = await db.Workspaces.Where(w => w.Id == workspaceId).Select(w => w.Name).SingleAsync(cancel);
            db.Audit(workspaceId, caller, "alert_channel.tested", $"alert channel {id}", row.Name, clock.GetUtcNow());
            await db.SaveChangesAsync(cancel);
        }
        var now = clock.GetUtcNow();
        return await sender.SendAsync(workspaceId, id, EnumText.Parse<AlertChannelKind>(row.Kind)!.Value, JsonElement.Parse(row.Settings), row.Secret, Guid.CreateVersion7(now),
            AlertMessage.Test(name, now, AlertComposer.PublicUrl(configuration)), cancel);
    }

    private sealed record Draft(string Name, bool Enabled, JsonElement Settings, JsonElement? Secrets, AlertChannelSeverity Severity, bool TellsResolved, DigestSchedule Digest);

    private Draft Checked(FieldRules rules, AlertChannelKind kind, Draft old, AlertChannelValues values, string? madeSecret)
    {
        foreach (var (field, given) in new[] { ("settings", values.Settings), ("credentials", values.Credentials) })
            if (given is { ValueKind: not (JsonValueKind.Object or JsonValueKind.Null) })
                rules.Add(field, $"{field} must be a JSON object.");
        var isNew = old.Settings.ValueKind == JsonValueKind.Undefined;
        var (settings, secrets) = kind switch
        {
            AlertChannelKind.Email => (isNew || values.Settings is not null ? Addresses(rules, values.Settings) : old.Settings, JsonSerializer.SerializeToElement(new { })),
            AlertChannelKind.Webhook => (isNew || values.Settings is not null ? Address(rules, "settings.url", Text(values.Settings, "url"), url => new { url }) : old.Settings,
                Secret(rules, madeSecret ?? Text(values.Credentials, "secret"))),
            AlertChannelKind.Slack or AlertChannelKind.Teams when isNew || Text(values.Credentials, "url") is not null =>
                (Address(rules, "credentials.url", Text(values.Credentials, "url"), url => new { host = Uri.TryCreate(url, UriKind.Absolute, out var uri) ? uri.Authority : "" }),
                    JsonSerializer.SerializeToElement(new { url = Text(values.Credentials, "url") })),
            AlertChannelKind.Slack or AlertChannelKind.Teams => (old.Settings, (JsonElement?)null),
        };
        var severity = old.Severity;
        if (values.Severity is { } word && EnumText.Parse<AlertChannelSeverity>(word) is not { } known)
            rules.Add("severity", $"severity must be one of {string.Join(", ", EnumText.All<AlertChannelSeverity>())}.");
        else if (values.Severity is not null)
            severity = EnumText.Parse<AlertChannelSeverity>(values.Severity)!.Value;
        return new Draft(old.Name, values.Enabled ?? old.Enabled, settings, secrets, severity, values.TellsResolved ?? old.TellsResolved, Digest(rules, kind, old.Digest, values.Digest));
    }

    private static JsonElement Addresses(FieldRules rules, JsonElement? settings)
    {
        var to = settings is { ValueKind: JsonValueKind.Object } given && given.TryGetProperty("to", out var value)
            ? value.ValueKind switch
            {
                JsonValueKind.String => value.GetString()!.Split([',', ';', '\n'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
                JsonValueKind.Array => [.. value.EnumerateArray().Select(a => a.ValueKind == JsonValueKind.String ? a.GetString()! : "")],
                _ => [],
            }
            : [];
        if (to.Length is 0 or > MostAddresses)
            rules.Add("settings.to", $"settings.to must hold 1 to {MostAddresses} email addresses.");
        else
            to = [.. to.Select(address => rules.Email("settings.to", address)).Distinct(StringComparer.OrdinalIgnoreCase)];
        return JsonSerializer.SerializeToElement(new { to });
    }

    private JsonElement Address<T>(FieldRules rules, string field, string? text, Func<string, T> settings)
    {
        var url = text?.Trim() ?? "";
        if (url.Length is 0 or > LongestUrl || !Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("https" or "http") || uri.UserInfo.Length > 0)
            rules.Add(field, $"{field} must be an address like https://hooks.example.com/alerts.");
        else if (networks.Refusal(uri) is { } refusal)
            rules.Add(field, refusal);
        return JsonSerializer.SerializeToElement(settings(url));
    }

    private static JsonElement? Secret(FieldRules rules, string? secret)
    {
        if (secret is null)
            return null;
        if (StandardWebhook.KeyOf(secret).Length < StandardWebhook.FewestKeyBytes || secret.Length > 500)
            rules.Add("credentials.secret", $"credentials.secret must be {StandardWebhook.SecretPrefix} and at least {StandardWebhook.FewestKeyBytes} bytes in Base64, or at least {StandardWebhook.FewestKeyBytes} other characters.");
        return JsonSerializer.SerializeToElement(new { secret });
    }

    private static DigestSchedule Digest(FieldRules rules, AlertChannelKind kind, DigestSchedule old, DigestValues? given)
    {
        if (given is null)
            return old;
        var rhythm = given.Rhythm is null ? old.Rhythm : EnumText.Parse<DigestRhythm>(given.Rhythm);
        var weekday = given.Weekday is null ? old.Weekday : EnumText.Parse<DayOfWeek>(given.Weekday);
        if (rhythm is null)
            rules.Add("digest.rhythm", $"digest.rhythm must be one of {string.Join(", ", EnumText.All<DigestRhythm>())}.");
        else if (rhythm != DigestRhythm.Off && kind != AlertChannelKind.Email)
            rules.Add("digest.rhythm", "digest.rhythm: digests go out by email only.");
        if (weekday is null)
            rules.Add("digest.weekday", "digest.weekday must be a day's name like monday.");
        if (given.Hour is < 0 or > 23)
            rules.Add("digest.hour", "digest.hour must be from 0 to 23.");
        var zone = rules.TimeZone("digest.timeZone", given.TimeZone) ?? old.TimeZone;
        return new DigestSchedule(rhythm ?? old.Rhythm, given.Hour ?? old.Hour, weekday ?? old.Weekday, zone);
    }

    private async Task WriteAsync(ClarityDbContext db, Guid workspaceId, Guid id, Draft draft, DateTimeOffset now, CancellationToken cancel)
    {
        var secret = draft.Secrets is { } secrets ? protector.Seal(AlertSender.SecretPurpose, workspaceId, id, JsonSerializer.SerializeToUtf8Bytes(secrets)) : [];
        await db.Database.ExecuteSqlAsync($"""
            UPDATE alert_channels SET name = {draft.Name}, enabled = {draft.Enabled}, settings = {draft.Settings.GetRawText()}::jsonb, secret = coalesce(nullif({secret}, ''::bytea), secret),
                   least_severity = {draft.Severity.Word()}, tells_resolved = {draft.TellsResolved}, digest = {draft.Digest.Rhythm.Word()}, digest_hour = {draft.Digest.Hour},
                   digest_weekday = {(int)draft.Digest.Weekday}, time_zone = {draft.Digest.TimeZone}, next_digest_at = {draft.Digest.Next(now)}::timestamptz
             WHERE workspace_id = {workspaceId} AND id = {id}
            """, cancel);
    }

    private static async Task<Result<Row>> FindAsync(ClarityDbContext db, Caller caller, Guid workspaceId, Guid id, Role atLeast, CancellationToken cancel)
    {
        var workspace = await db.WorkspaceAsync(caller, workspaceId, atLeast, cancel);
        if (!workspace.IsOk)
            return workspace.Error;
        return await ReadAsync(db, workspaceId, id, cancel) is [var row] ? row : Error.NotFound("alert channel");
    }

    private sealed record Row(Guid Id, Guid? WebsiteId, string Kind, string Name, bool Enabled, string Settings, byte[]? Secret, string Severity, bool TellsResolved,
        string Digest, int DigestHour, int DigestWeekday, string TimeZone, DateTimeOffset? NextDigestAt,
        string? LastState, DateTimeOffset? LastAt, int? LastAttempts, string? LastError);

    private static Task<List<Row>> ReadAsync(ClarityDbContext db, Guid workspaceId, Guid? id, CancellationToken cancel) => db.Database.SqlQuery<Row>($"""
        SELECT c.id AS "Id", c.website_id AS "WebsiteId", c.kind AS "Kind", c.name AS "Name", c.enabled AS "Enabled", c.settings::text AS "Settings", c.secret AS "Secret",
               c.least_severity AS "Severity", c.tells_resolved AS "TellsResolved", c.digest AS "Digest", c.digest_hour AS "DigestHour", c.digest_weekday AS "DigestWeekday",
               c.time_zone AS "TimeZone", c.next_digest_at AS "NextDigestAt",
               m.state AS "LastState", coalesce(m.sent_at, m.created_at) AS "LastAt", m.attempts AS "LastAttempts", m.error AS "LastError"
          FROM alert_channels c
          LEFT JOIN LATERAL (SELECT * FROM alert_messages l WHERE l.workspace_id = c.workspace_id AND l.channel_id = c.id ORDER BY l.id DESC LIMIT 1) m ON true
         WHERE c.workspace_id = {workspaceId} AND ({id}::uuid IS NULL OR c.id = {id}::uuid) ORDER BY lower(c.name), c.id
        """).ToListAsync(cancel);

    private static DigestSchedule Digest(Row row) => new(EnumText.Parse<DigestRhythm>(row.Digest)!.Value, row.DigestHour, (DayOfWeek)row.DigestWeekday, row.TimeZone);

    private static AlertChannelInfo Info(Row row, string? madeSecret = null)
    {
        var kind = EnumText.Parse<AlertChannelKind>(row.Kind)!.Value;
        return new AlertChannelInfo(row.Id, row.WebsiteId, kind, row.Name, row.Enabled, JsonElement.Parse(row.Settings),
            kind switch { AlertChannelKind.Email => [], AlertChannelKind.Webhook => ["secret"], AlertChannelKind.Slack or AlertChannelKind.Teams => ["url"] },
            EnumText.Parse<AlertChannelSeverity>(row.Severity)!.Value, row.TellsResolved, Digest(row), row.NextDigestAt,
            row.LastState is { } state ? new ChannelMessageState(state, row.LastAt!.Value, row.LastAttempts!.Value, row.LastError) : null, madeSecret);
    }

    private static string? Text(JsonElement? json, string name) => json is { ValueKind: JsonValueKind.Object } given ? ConnectionJson.Text(given, name) : null;
}
