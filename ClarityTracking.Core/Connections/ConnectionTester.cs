using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ClarityTracking.Core.Connections.OAuth;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Health;
using ClarityTracking.Core.Ingestion.Identify;
using ClarityTracking.Core.Ingestion.Store;
using ClarityTracking.Core.Reports;
using ClarityTracking.Core.Routing;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Connections;

/// <summary>What a test of a connection did.</summary>
/// <param name="Sent">False when the destination would not take such an event; <paramref name="Reason"/> says why.</param>
/// <param name="Outcome"><c>delivered</c>, <c>skipped</c>, or a word of <see cref="FailureKind"/>.</param>
/// <param name="Reason">In the platform's words; null when delivered.</param>
/// <param name="EventId">The test event's id, to look for at the platform.</param>
/// <param name="Request">What was sent, secrets masked; null when nothing was.</param>
/// <param name="HttpStatus">Null when no answer came.</param>
/// <param name="Response">The answer, or the network error in words.</param>
/// <param name="DurationMs">Milliseconds until the answer was read.</param>
/// <param name="Resumed">The connection did not work before and is resumed by this.</param>
public sealed record ConnectionTest(bool Sent, string Outcome, string? Reason, string EventId, SentRequest? Request, int? HttpStatus, string? Response, int? DurationMs,
    bool Resumed = false);

/// <summary>A request as it may be shown.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Url">Secrets masked.</param>
/// <param name="Body">Secrets masked; JSON, or text when it is none.</param>
public sealed record SentRequest(string Method, string Url, JsonElement Body);

/// <summary>What to test with.</summary>
/// <param name="EventId">Our id or the sender's of an event of the website; null = a page view by nobody.</param>
/// <param name="TestCode">The platform's test code for this one time; null = the one of the connection's settings, if any.</param>
/// <param name="AsReal">Where the connection has no test mode, send the event all the same: the platform counts it.</param>
public sealed record TestOrder(string? EventId = null, string? TestCode = null, bool AsReal = false);

/// <summary>Whether a platform is told that a test is one.</summary>
public enum TestMode
{
    /// <summary>The platform is told that it is a test: most record nothing then, some (Meta) show it apart.</summary>
    On,
    /// <summary>With a test code it would be: the connection's settings have none.</summary>
    NeedsCode,
    /// <summary>The platform has no test mode.</summary>
    None,
}

/// <summary>What a platform would get of an event.</summary>
/// <param name="EventId">The sender's id, under which the platform gets it.</param>
/// <param name="Id">Our id.</param>
/// <param name="Name">Event name.</param>
/// <param name="OccurredAt">UTC.</param>
/// <param name="Skip">Why it would get nothing; null = it would get <paramref name="Payload"/>.</param>
/// <param name="Payload">The event's part of the request, secrets masked; null when it is skipped.</param>
/// <param name="Keys">The platform's match keys; empty for systems that match nobody.</param>
/// <param name="Estimate">Our estimate of the match quality of this one event; null where we have none for the platform.</param>
/// <param name="TestMode">Whether the platform is told that a test with this event is one.</param>
public sealed record ConnectionPreview(string EventId, Guid Id, string Name, DateTimeOffset OccurredAt, Skip? Skip, JsonElement? Payload,
    IReadOnlyList<MatchKeyCheck> Keys, MatchQualityEstimate? Estimate, TestMode TestMode);

/// <summary>
/// Shows what a connection's platform would get, and sends one event through the same mapping and judging as all others: one that really
/// happened, or a page view of the website's own home page by nobody. With the platform's test mode it shows there as a test.
/// </summary>
public sealed class ConnectionTester(ClarityDb database, ConnectionService connections, DestinationCatalog catalog, FilterRules rules,
    DestinationClient client, AccessTokens tokens, EventLoader events, DeliveriesQueued queued, TimeProvider clock)
{
    private const int LongestAnswer = 16 * 1024;

    /// <summary>How far back an event is looked for that nobody named.</summary>
    private static readonly TimeSpan Recent = TimeSpan.FromDays(7);

    /// <summary>What the platform would get of an event, with the connection's settings as they are. Sends and changes nothing.</summary>
    /// <param name="caller">At least an admin, as what is shown is made from the event's personal data.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="id">The connection.</param>
    /// <param name="eventId">Our id or the sender's; null = the newest event of the most valuable name that the connection sends.</param>
    /// <param name="cancel">Ends it.</param>
    public async Task<Result<ConnectionPreview>> PreviewAsync(Caller caller, Guid websiteId, Guid id, string? eventId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await FindAsync(db, caller, websiteId, id, cancel);
        if (!found.IsOk)
            return found.Error;
        var (website, connection, destination, settings) = found.Value;
        var now = clock.GetUtcNow();
        if (await EventAsync(db, website, eventId, destination, settings, now, cancel) is not var (shown, about))
            return Error.NotFound("event");

        var routed = EventRouter.Route(shown, about, id, destination, settings, now);
        JsonElement? payload = null;
        if (routed.Skip is null)
        {
            var access = new DestinationAccess(client.BaseUrl(destination.Info), settings, connections.Opened(connection), now);
            var mapped = destination.Map(routed.Event, settings);
            var request = destination.BuildRequest([mapped], access);
            var body = request.Mask(Encoding.UTF8.GetString(request.Body));
            // what goes alone in a request is all of it
            payload = ReferenceEquals(destination.CallOf(mapped), mapped) ? Json.ElementOf(body) : EventTraces.RequestOf(body, position: 0);
        }
        var keys = MatchKeyCheck.Of(shown, destination, website.DefaultCountry);
        // the estimate is of Meta's score, so it is for who takes Meta's click id
        var estimate = keys.All(k => k.Key != "fbc") ? null
            : MatchQuality.Estimate(shown, website.DefaultCountry, await MatchQualityWeights.OwnAsync(db, website, cancel));
        return new ConnectionPreview(shown.EventId, shown.Id, shown.Name, shown.OccurredAt, routed.Skip, payload, keys, estimate,
            TestModeOf(destination, routed.Event.Name, settings, website, now));
    }

    /// <summary>
    /// Sends an event and says what came back. A connection that was paused or degraded is resumed when the platform takes it; nothing else changes but
    /// the audit log.
    /// </summary>
    /// <returns>
    /// Also a success when the destination would not take the event or the platform refuses it. An error when the event is not the website's, when
    /// a test code is wrong or of no use, and (<c>no_test_mode</c>) when a real event would count and the order does not say that it may.
    /// </returns>
    public async Task<Result<ConnectionTest>> TestAsync(Caller caller, Guid websiteId, Guid id, TestOrder order, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await FindAsync(db, caller, websiteId, id, cancel);
        if (!found.IsOk)
            return found.Error;
        var (website, connection, destination, settings) = found.Value;
        var now = clock.GetUtcNow();
        if (order.TestCode is { } code && WrongCode(destination, ref settings, code.Trim()) is { } wrong)
            return Error.Invalid(new FieldError("testCode", wrong));
        var test = Names.Select(name => TestEvent(website, now, name)).FirstOrDefault(e => destination.ReasonToSkip(e, settings, now)?.Reason != SkipReason.Unmapped)
            ?? TestEvent(website, now);
        IReadOnlyList<FilterRule> about = []; // they are for real events: nobody's page view shows whether the connection works
        if (order.EventId is not null)
        {
            if (await EventAsync(db, website, order.EventId, destination, settings, now, cancel) is not var (real, rulesAbout))
                return Error.NotFound("event");
            (test, about) = (real, rulesAbout);
            test.IsTest = true;
            settings = WithToggle(destination, settings);
        }

        var routed = EventRouter.Route(test, about, id, destination, settings, now);
        if (routed.Skip is { Reason: SkipReason.Test })
        {
            if (order.EventId is not null && !order.AsReal)
                return NoTestMode(destination);
            // who presses the button wants it sent: a real event as what it is, nobody's page view still marked
            test.IsTest = order.EventId is null;
            routed = order.EventId is null ? new Routed(test, null) : EventRouter.Route(test, about, id, destination, settings, now);
        }
        var skip = routed.Skip;
        db.Audit(connection.WorkspaceId, caller, "connection.tested", $"connection {id}", order.EventId is null ? null : $"event {test.Id}", now);
        await db.SaveChangesAsync(cancel);
        if (skip is not null)
            return new ConnectionTest(false, "skipped", $"{skip.Reason.Word()}: {skip.Detail}", test.EventId, null, null, null, null);
        var result = await SendAsync(destination, routed.Event, new DestinationAccess(client.BaseUrl(destination.Info), settings, connections.Opened(connection), now), cancel);
        if (result.Outcome != DeliveryStatus.Delivered.Word())
            return result;
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await OAuthRows.LockAsync(db, id, cancel);
        await db.Entry(connection).ReloadAsync(cancel); // it may have changed during the call
        if (connection.State == ConnectionState.Healthy)
            return result;
        await ConnectionService.ResumeAsync(db, connection, clock.GetUtcNow(), cancel);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        queued.Raise();
        return result with { Resumed = true };
    }

    private async Task<ConnectionTest> SendAsync(IDestination destination, Event test, DestinationAccess access, CancellationToken cancel)
    {
        if (destination.Grant(access.Credentials) is { } grant)
        {
            var token = await tokens.GetAsync(grant, cancel);
            if (token.Failure is { } failure)
                return new ConnectionTest(false, failure.Kind.Word(), failure.Reason, test.EventId, null, null, null, null);
            access = access with { AccessToken = token.Value };
        }
        var request = destination.BuildRequest([destination.Map(test, access.Settings)], access);
        var result = await client.SendAsync(request, cancel);
        var (outcome, reason) = result.HttpStatus is { } status ? Words(destination.Judge(new DestinationAnswer(status, result.Body, Events: 1))) : (FailureKind.Transient.Word(), result.Body);
        var body = request.Mask(Encoding.UTF8.GetString(request.Body));
        return new ConnectionTest(true, outcome, reason, test.EventId,
            new SentRequest(request.Method.Method, request.Mask(request.Url.ToString()), Json.ElementOf(body)),
            result.HttpStatus, result.Body.Length <= LongestAnswer ? result.Body : result.Body[..LongestAnswer], (int)result.Duration.TotalMilliseconds);
    }

    /// <summary>The first of these that the connection sends at all; those of no value come first.</summary>
    private static readonly string[] Names =
        ["page_view", "lead", "contact", "schedule", "complete_registration", "view_content", "search", "subscribe", "add_to_cart", "initiate_checkout", "purchase"];

    private sealed record Target(Website Website, Connection Connection, IDestination Destination, JsonElement Settings);

    private async Task<Result<Target>> FindAsync(ClarityDbContext db, Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        var website = await db.WebsiteAsync(caller, websiteId, Role.Admin, cancel);
        if (!website.IsOk)
            return website.Error;
        var found = await ConnectionService.FindAsync(db, caller, websiteId, id, Role.Admin, cancel);
        if (!found.IsOk)
            return found.Error;
        return catalog.Find(found.Value.Platform) is { } destination
            ? new Target(website.Value, found.Value, destination, JsonElement.Parse(found.Value.Settings))
            : new Error(ErrorKind.Invalid, "unknown_platform", "This version does not know the connection's platform.", []);
    }

    /// <summary>An event as the delivery worker loads it, and the website's rules that are about it; null = the website has none like it.</summary>
    private async Task<(Event Event, IReadOnlyList<FilterRule> About)?> EventAsync(
        ClarityDbContext db, Website website, string? eventId, IDestination destination, JsonElement settings, DateTimeOffset now, CancellationToken cancel)
    {
        var all = db.Events.AsNoTracking().Where(e => e.WorkspaceId == website.WorkspaceId && e.WebsiteId == website.Id);
        Guid? id = eventId is null ? await NewestOfWorthAsync(db, all, website, destination, settings, now, cancel)
            : Guid.TryParse(eventId, out var ours) ? await all.Where(e => e.Id == ours).Select(e => (Guid?)e.Id).SingleOrDefaultAsync(cancel)
            : null;
        if (id is null && eventId is not null)
            id = await all.Where(e => e.EventId == eventId).OrderByDescending(e => e.Id).Select(e => (Guid?)e.Id).FirstOrDefaultAsync(cancel);
        if (id is not { } address)
            return null;
        await db.Database.OpenConnectionAsync(cancel);
        try
        {
            // the caller's own connection: row level security holds for it
            var own = (NpgsqlConnection)db.Database.GetDbConnection();
            var loaded = await events.LoadAsync(own, [new EventAddress(website.WorkspaceId, website.Id, address)], cancel);
            if (!loaded.TryGetValue(address, out var @event))
                return null;
            return (@event, (await rules.LoadAsync(own, website.WorkspaceId, website.Id, cancel)).About(@event));
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    /// <summary>The hourly sums tell which names there are and when each was last seen, so that the log is read for an hour of one name only.</summary>
    private static async Task<Guid?> NewestOfWorthAsync(
        ClarityDbContext db, IQueryable<Event> all, Website website, IDestination destination, JsonElement settings, DateTimeOffset now, CancellationToken cancel)
    {
        var since = now - Recent;
        var seen = await db.EventRollups.AsNoTracking().Where(r => r.WorkspaceId == website.WorkspaceId && r.WebsiteId == website.Id && r.Hour >= since && !r.IsTest)
            .GroupBy(r => r.Name).Select(g => new { Name = g.Key, Hour = g.Max(r => r.Hour) }).ToListAsync(cancel);
        foreach (var name in seen.Where(s => Sends(s.Name)).OrderBy(s => EventWorth.Rank(s.Name)).ThenByDescending(s => s.Hour))
        {
            var from = Partitions.LowestId(name.Hour);
            if (await all.Where(e => e.Name == name.Name && e.Id >= from && !e.IsTest && e.BotReason == null).OrderByDescending(e => e.Id)
                .Select(e => (Guid?)e.Id).FirstOrDefaultAsync(cancel) is { } newest)
                return newest;
        }
        return await all.OrderByDescending(e => e.Id).Select(e => (Guid?)e.Id).FirstOrDefaultAsync(cancel);

        bool Sends(string name) => destination.ReasonToSkip(TestEvent(website, now, name), settings, now) is not { Reason: SkipReason.Unmapped };
    }

    /// <summary>Asked of the destination itself: a test event is skipped for being one where there is no test mode.</summary>
    private static TestMode TestModeOf(IDestination destination, string name, JsonElement settings, Website website, DateTimeOffset now) =>
        destination.ReasonToSkip(TestEvent(website, now, name), WithToggle(destination, settings), now) is not { Reason: SkipReason.Test } ? TestMode.On
            : destination.Info.TestSetting is null ? TestMode.None : TestMode.NeedsCode;

    private static Error NoTestMode(IDestination destination) => new(ErrorKind.Invalid, "no_test_mode", destination.Info.TestSetting is null
        ? $"{destination.Info.DisplayName} has no test mode: the event would count as a real one. Say asReal to send it all the same."
        : $"Without a test code the event would count as a real one. Give testCode, or say asReal to send it all the same.", []);

    /// <summary>Puts the code into the settings as if it stood there; the reason when that cannot be.</summary>
    private static string? WrongCode(IDestination destination, ref JsonElement settings, string code)
    {
        var info = destination.Info;
        if (info.TestSetting is not { } name || info.Fields.Single(f => f.Name == name).Kind != FieldKind.Text)
            return $"{info.DisplayName} takes no test code.";
        if (code.Length == 0)
            return "The test code is empty.";
        settings = With(settings, name, code);
        var field = $"settings.{name}";
        return destination.Check(settings, credentials: null).FirstOrDefault(error => error.Field == field)?.Message;
    }

    /// <summary>With the platform's test mode on where that is a switch.</summary>
    private static JsonElement WithToggle(IDestination destination, JsonElement settings) =>
        destination.Info.TestSetting is { } name && destination.Info.Fields.Single(f => f.Name == name).Kind == FieldKind.Toggle ? With(settings, name, true) : settings;

    private static JsonElement With(JsonElement settings, string name, JsonNode value)
    {
        var changed = JsonObject.Create(settings)!;
        changed[name] = value;
        return JsonSerializer.SerializeToElement(changed);
    }

    private static Event TestEvent(Website website, DateTimeOffset now, string name = "page_view") => new()
    {
        WorkspaceId = website.WorkspaceId,
        WebsiteId = website.Id,
        Id = Guid.CreateVersion7(now),
        EventId = $"test-{Guid.CreateVersion7(now):N}",
        Name = name,
        Source = EventSource.Server,
        IsTest = true,
        OccurredAt = now,
        ReceivedAt = now,
        Url = $"https://{website.Domain}/",
        UserAgent = "Mozilla/5.0 (compatible; ClarityTracking connection test)",
        MatchKeys = new MatchKeys(new Dictionary<string, IReadOnlyList<string>>
        {
            // some platforms take nothing without an email
            [MatchKeyNames.Email] = [Sha256($"clarity-test-{website.Id}@{website.Domain}")],
            [MatchKeyNames.ExternalId] = [Sha256($"clarity-test-{website.Id}")],
        }),
    };

    private static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static (string Outcome, string? Reason) Words(DeliveryOutcome outcome) => outcome switch
    {
        DeliveryOutcome.Delivered => ("delivered", null),
        DeliveryOutcome.Refused refused => (refused.Kind.Word(), refused.Reason),
        DeliveryOutcome.TryLater later => (later.Kind.Word(), later.Reason),
        DeliveryOutcome.Mixed { Events: [var only] } => Words(only),
        DeliveryOutcome.Mixed or DeliveryOutcome.NotTaken => (FailureKind.Transient.Word(), "The answer does not fit the event that was sent."),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
