using System.Runtime.CompilerServices;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.Extensions.Options;
using Npgsql;

namespace ClarityTracking.Core.Health.Ledger;

/// <summary>
/// The conversion ledger: what the source of truth told, reconciled with events, routing and each destination's answer. Read in one pass; nothing is
/// kept, so it is never out of date.
/// </summary>
public sealed class LedgerQueries(ClarityDb database, NpgsqlDataSource system, IOptions<RetentionOptions> retention, TimeProvider clock)
{
    /// <summary>Days of a ledger when none are named.</summary>
    public const int DefaultDays = 30;

    /// <summary>Most days of a ledger.</summary>
    public const int MostDays = 366;

    /// <summary>A website's ledger that a caller may see.</summary>
    /// <param name="Scope">Which conversions.</param>
    /// <param name="Name">Of the website.</param>
    /// <param name="Currency">The website's.</param>
    /// <param name="Zone">The website's time zone.</param>
    internal sealed record Book(LedgerScope Scope, string Name, string Currency, TimeZoneInfo Zone);

    /// <summary>The ledger of some time with one page of its conversions.</summary>
    /// <param name="caller">Viewer of the website.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="from">Made at or after (UTC); null = the day 29 days before the last one, in the website's time zone.</param>
    /// <param name="to">Made before (UTC); null = now.</param>
    /// <param name="filter">Which conversions; state and cause narrow the list, not the sums.</param>
    /// <param name="cursor">Those after this one; the sums stay the same.</param>
    /// <param name="limit">Of the page.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Result<LedgerReport>> GetAsync(Caller caller, Guid websiteId, DateTimeOffset? from, DateTimeOffset? to, LedgerFilter filter, Guid? cursor, int limit, CancellationToken cancel)
    {
        var opened = await OpenAsync(caller, websiteId, from, to, filter, cancel);
        if (!opened.IsOk)
            return opened.Error;
        var (book, destinations, moment) = opened.Value;
        limit = Page.Clamp(limit);
        var totals = new LedgerTally(book.Currency);
        var sums = destinations.Select(_ => new LedgerTally(book.Currency)).ToArray();
        var days = new SortedDictionary<DateOnly, (LedgerTally Totals, LedgerTally[] Sums)>();
        var items = new List<LedgerItem>();
        var isPast = cursor is null;
        await foreach (var (conversion, verdicts, overall) in JudgeAsync(book.Scope, destinations, moment, filter, cancel))
        {
            var date = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(conversion.OccurredAt, book.Zone).DateTime);
            if (!days.TryGetValue(date, out var day))
                days[date] = day = (new LedgerTally(book.Currency), [.. destinations.Select(_ => new LedgerTally(book.Currency))]);
            totals.Add(conversion, overall);
            day.Totals.Add(conversion, overall);
            for (var i = 0; i < destinations.Count; i++)
            {
                sums[i].Add(conversion, verdicts[i]);
                day.Sums[i].Add(conversion, verdicts[i]);
            }
            if (isPast && items.Count <= limit && filter.Fits(overall))
                items.Add(ItemOf(conversion, destinations, verdicts, overall));
            isPast |= conversion.Id == cursor;
        }
        for (var (day, last) = days.Count == 0 ? (default, default) : (days.Keys.First(), days.Keys.Last()); day < last; day = day.AddDays(1))
            if (!days.ContainsKey(day)) // nothing was made
                days[day] = (new LedgerTally(book.Currency), [.. destinations.Select(_ => new LedgerTally(book.Currency))]);
        var page = Page.Of(items, limit, i => i.Id);
        IReadOnlyList<LedgerDestinationSums> Of(LedgerTally[] tallies) => [.. destinations.Zip(tallies, (d, t) => new LedgerDestinationSums(d.Id, d.Name, d.Platform, d.Enabled, t.Sums()))];
        var total = totals.Sums();
        return new LedgerReport(book.Scope.From, book.Scope.To, book.Zone.Id, book.Currency, LedgerReport.HowItIsMade, total.Accuracy, total,
            [.. days.Select(d => new LedgerDay(d.Key, d.Value.Totals.Sums(), Of(d.Value.Sums)))], Of(sums), page.Items, page.NextCursor);
    }

    /// <summary>One conversion, or webhook that became none, with its way.</summary>
    public async Task<Result<LedgerDetails>> ItemAsync(Caller caller, Guid websiteId, Guid id, CancellationToken cancel)
    {
        var opened = await OpenAsync(caller, websiteId, null, null, new LedgerFilter(), cancel);
        if (!opened.IsOk)
            return opened.Error;
        var (book, destinations, moment) = opened.Value;
        await foreach (var (conversion, verdicts, overall) in JudgeAsync(book.Scope with { Id = id }, destinations, moment, new LedgerFilter(), cancel))
            return new LedgerDetails(ItemOf(conversion, destinations, verdicts, overall), conversion.Detail, conversion.Webhook, conversion.Events);
        return Error.NotFound("conversion");
    }

    /// <summary>All conversions of the filter, one after the other, with the names of the destinations and of the file.</summary>
    public async Task<Result<LedgerRows>> RowsAsync(Caller caller, Guid websiteId, DateTimeOffset? from, DateTimeOffset? to, LedgerFilter filter, CancellationToken cancel)
    {
        var opened = await OpenAsync(caller, websiteId, from, to, filter, cancel);
        if (!opened.IsOk)
            return opened.Error;
        var (book, destinations, moment) = opened.Value;
        return new LedgerRows(book.Name, destinations, ItemsAsync(book.Scope, destinations, moment, filter, cancel));
    }

    private async IAsyncEnumerable<LedgerItem> ItemsAsync(LedgerScope scope, IReadOnlyList<LedgerDestination> destinations, LedgerMoment moment, LedgerFilter filter,
        [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var (conversion, verdicts, overall) in JudgeAsync(scope, destinations, moment, filter, cancel))
            if (filter.Fits(overall))
                yield return ItemOf(conversion, destinations, verdicts, overall);
    }

    private async IAsyncEnumerable<(LedgerConversion Conversion, LedgerVerdict[] Verdicts, LedgerVerdict Overall)> JudgeAsync(LedgerScope scope, IReadOnlyList<LedgerDestination> destinations,
        LedgerMoment moment, LedgerFilter filter, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var connection = await system.OpenConnectionAsync(cancel);
        await foreach (var conversion in LedgerReader.ReadAsync(connection, scope, cancel))
        {
            if ((filter.Source is { } source && source != conversion.Source) || (filter.Kind is { } kind && kind != KindOf(conversion)))
                continue;
            var verdicts = new LedgerVerdict[destinations.Count];
            for (var i = 0; i < verdicts.Length; i++)
                verdicts[i] = LedgerRule.At(conversion, destinations[i], moment);
            var overall = LedgerRule.Overall(verdicts);
            yield return (conversion, verdicts, overall);
        }
    }

    private async Task<Result<(Book Book, IReadOnlyList<LedgerDestination> Destinations, LedgerMoment Moment)>> OpenAsync(Caller caller, Guid websiteId, DateTimeOffset? from,
        DateTimeOffset? to, LedgerFilter filter, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var now = clock.GetUtcNow();
        var zone = TimeZoneInfo.TryFindSystemTimeZoneById(website.Value.TimeZone, out var known) ? known : TimeZoneInfo.Utc;
        var end = (to ?? now.AddMinutes(1)).ToUniversalTime();
        var begin = (from ?? MidnightOf(DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(to is null ? now : end, zone).DateTime).AddDays(1 - DefaultDays), zone)).ToUniversalTime();
        if (Wrong(begin, end, filter) is { } wrong)
            return wrong;
        var scope = new LedgerScope(website.Value.WorkspaceId, websiteId, begin, end);
        await using var connection = await system.OpenConnectionAsync(cancel);
        var moment = await LedgerReader.MomentAsync(connection, retention.Value, scope, now, cancel);
        var destinations = await LedgerReader.DestinationsAsync(connection, scope, cancel);
        if (filter.ConnectionId is { } one)
        {
            destinations = [.. destinations.Where(d => d.Id == one)];
            if (destinations.Count == 0)
                return Error.NotFound("destination");
        }
        else // one that is off is owed nothing, however long ago it was switched off
            destinations = [.. destinations.Where(d => d.Enabled)];
        return (new Book(scope, website.Value.Name, website.Value.Currency, zone), destinations, moment);
    }

    private static Error? Wrong(DateTimeOffset from, DateTimeOffset to, LedgerFilter filter)
    {
        var errors = new List<FieldError>();
        if (from.Year < 2000 || to.Year > 9000 || from >= to)
            errors.Add(new("from", "from must be before to, and both in this century."));
        else if (to - from > TimeSpan.FromDays(MostDays + 1))
            errors.Add(new("from", $"from must be at most {MostDays} days before to."));
        if (filter.Kind is { } kind && kind != LedgerFilter.Webhook && EnumText.Parse<ConversionKind>(kind) is null)
            errors.Add(new("kind", $"kind must be {LedgerFilter.Webhook}, {string.Join(", ", EnumText.All<ConversionKind>())}."));
        return errors.Count == 0 ? null : Error.Invalid(errors);
    }

    /// <summary>When a day begins in a zone; where clocks skip midnight, the first moment there is.</summary>
    internal static DateTimeOffset MidnightOf(DateOnly day, TimeZoneInfo zone)
    {
        var midnight = day.ToDateTime(TimeOnly.MinValue);
        while (zone.IsInvalidTime(midnight))
            midnight = midnight.AddMinutes(30);
        return new DateTimeOffset(midnight, zone.GetUtcOffset(midnight));
    }

    private static string KindOf(LedgerConversion conversion) => conversion.Kind?.Word() ?? LedgerFilter.Webhook;

    private static LedgerItem ItemOf(LedgerConversion c, IReadOnlyList<LedgerDestination> destinations, LedgerVerdict[] verdicts, LedgerVerdict overall) => new(c.Id, KindOf(c), c.Name, c.Source,
        c.ConnectionId, c.SenderId, c.Number, c.Kind is null ? null : c.Status, c.IsTest, c.OccurredAt, c.Value, c.Currency, c.Refunded, overall.State, overall.Cause,
        [.. destinations.Zip(verdicts, (d, v) => new LedgerItemDestination(d.Id, d.Name, d.Platform, v.State, v.Cause, v.Weight, v.Event, v.EventId, v.DeliveryId))]);
}

/// <summary>A ledger's conversions, read while they are asked for.</summary>
/// <param name="Website">Name of the website.</param>
/// <param name="Destinations">Of every row, in this order.</param>
/// <param name="Items">The one we heard of last first.</param>
public sealed record LedgerRows(string Website, IReadOnlyList<LedgerDestination> Destinations, IAsyncEnumerable<LedgerItem> Items);
