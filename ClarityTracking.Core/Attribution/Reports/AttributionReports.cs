using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Npgsql;

namespace ClarityTracking.Core.Attribution.Reports;

/// <summary>
/// Reports of what earned the conversions, computed from the tables when they are asked for: a refund, a no-show or a late identification shows in
/// the next one. Few at a time, because a large website's journeys are held in memory while its report is made.
/// </summary>
public sealed class AttributionReports(ClarityDb database, TimeProvider clock)
{
    /// <summary>Reads at a time on this node.</summary>
    private static readonly SemaphoreSlim Room = new(2, 2);

    /// <summary>How long a report waits for others to be done.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    /// <summary>Code of the refusal when others' reports keep this node busy; asking again soon helps.</summary>
    public const string Busy = "report_busy";

    /// <summary>Who earned what under one model.</summary>
    public Task<Result<AttributionReport>> ReportAsync(Caller caller, Guid websiteId, AttributionWords words, CancellationToken cancel) =>
        WithDataAsync(caller, websiteId, words, ask => ask.Model.NeedsNulls(), async (db, data, started) =>
            Report(data, await SpendByKey.ReadAsync(db, data, cancel), started), cancel);

    /// <summary>All models side by side.</summary>
    public Task<Result<AttributionComparison>> CompareAsync(Caller caller, Guid websiteId, AttributionWords words, CancellationToken cancel) =>
        WithDataAsync(caller, websiteId, words, _ => true, async (db, data, _) => Compare(data, await SpendByKey.ReadAsync(db, data, cancel)), cancel);

    /// <summary>The commonest paths.</summary>
    public Task<Result<PathReport>> PathsAsync(Caller caller, Guid websiteId, AttributionWords words, int limit, CancellationToken cancel) =>
        WithDataAsync(caller, websiteId, words, _ => true, (_, data, _) => Task.FromResult(PathReports.Paths(data, limit)), cancel);

    /// <summary>Days from a touch to the conversion.</summary>
    public Task<Result<LagReport>> LagAsync(Caller caller, Guid websiteId, AttributionWords words, CancellationToken cancel) =>
        WithDataAsync(caller, websiteId, words, _ => false, (_, data, _) => Task.FromResult(PathReports.Lag(data)), cancel);

    /// <summary>How far the people of the period came.</summary>
    public Task<Result<FunnelReport>> FunnelAsync(Caller caller, Guid websiteId, AttributionWords words, CancellationToken cancel) =>
        WithDataAsync(caller, websiteId, words, _ => true, (_, data, _) => Task.FromResult(PathReports.Funnel(data)), cancel);

    /// <summary>The conversions behind a number, newest first.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="words">The report the number stands in.</param>
    /// <param name="key">Only what earned this key something; null = all.</param>
    /// <param name="unattributed">Only those without a touch in its window.</param>
    /// <param name="status">Only where they stand so; null = all.</param>
    /// <param name="cursor">The last id of the page before.</param>
    /// <param name="limit">Rows.</param>
    /// <param name="cancel">Cancels.</param>
    public Task<Result<Page<CreditedConversion>>> ConversionsAsync(Caller caller, Guid websiteId, AttributionWords words, string? key, bool unattributed, ConversionStatus? status, Guid? cursor,
        int limit, CancellationToken cancel) =>
        WithDataAsync(caller, websiteId, words, _ => false, (_, data, _) => Task.FromResult(ConversionRows.Page(data, key, unattributed, status, cursor, Page.Clamp(limit))), cancel);

    /// <summary>What the dashboard's page shows, out of one read.</summary>
    public Task<Result<AttributionView>> PageAsync(Caller caller, Guid websiteId, AttributionWords words, CancellationToken cancel) =>
        WithDataAsync(caller, websiteId, words, _ => true, async (db, data, started) =>
        {
            var spend = await SpendByKey.ReadAsync(db, data, cancel);
            return new AttributionView(Report(data, spend, started), Compare(data, spend), PathReports.Paths(data, AttributionView.PathsShown), PathReports.Lag(data), PathReports.Funnel(data));
        }, cancel);

    private async Task<Result<T>> WithDataAsync<T>(Caller caller, Guid websiteId, AttributionWords words, Func<AttributionAsk, bool> needsPeople,
        Func<ClarityDbContext, AttributionData, long, Task<T>> make, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!website.IsOk)
            return website.Error;
        var ask = AttributionAsk.Of(words, website.Value.TimeZone, clock.GetUtcNow());
        if (!ask.IsOk)
            return ask.Error;
        if (!await Room.WaitAsync(LongestWait, cancel))
            return new Error(ErrorKind.Conflict, Busy, "Other reports are being computed. Try again in some seconds.", []);
        try
        {
            var started = clock.GetTimestamp();
            var data = await new AttributionReader(db, website.Value, ask.Value).ReadAsync(needsPeople(ask.Value) ? AttributionParts.People : AttributionParts.None, cancel);
            return await make(db, data, started);
        }
        catch (NpgsqlException slow) when (slow.InnerException is TimeoutException)
        {
            return new Error(ErrorKind.Invalid, "report_too_large", $"Reading this period takes longer than {AttributionReader.LongestRead.TotalSeconds:0} s; ask for a shorter one.", []);
        }
        finally
        {
            Room.Release();
        }
    }

    private AttributionReport Report(AttributionData data, SpendByKey spend, long started)
    {
        var (ask, journeys) = (data.Ask, data.Journeys);
        var markov = ask.Model == AttributionModel.Markov && journeys.Count > 0 ? Markov.Credits(journeys, ask.Order) : null;
        var credits = markov?.Select(m => m.Credit).ToArray() ?? ask.Model.Run(journeys, ask.Order);
        var trueRevenue = Shared(c => data.IsOwnCurrency(c) ? (double)c.TrueRevenue : 0);
        var kept = Shared(c => c.IsKept ? 1 : 0);
        var confidence = Shared(c => c.PathConfidence ?? 0);
        var lifecycle = Statuses(data).ToDictionary(status => status.Word(), status => Shared(c => c.Status == status ? 1 : 0));
        var rows = Enumerable.Range(0, journeys.Keys.Count).Select(i =>
        {
            var key = journeys.Keys[i];
            var (name, channel) = Named(data, key);
            var spent = spend.Of(key);
            return new AttributionRow(key, name, channel, credits[i].Conversions, kept[i], credits[i].Value, trueRevenue[i], spent, By(spent, kept[i]), By(credits[i].Value, spent), By(trueRevenue[i], spent),
                credits[i].Conversions > 1e-9 ? Math.Clamp(confidence[i] / credits[i].Conversions, 0, 1) : null, lifecycle.ToDictionary(l => l.Key, l => l.Value[i]),
                markov?[i].RemovalConversions, markov?[i].RemovalValue);
        }).OrderByDescending(r => r.Conversions).ThenByDescending(r => r.Spend ?? 0).ThenBy(r => r.Key, StringComparer.Ordinal).ToList();
        return new AttributionReport(ask.Model.Word(), markov is null && ask.Model != AttributionModel.Markov ? null : ask.Order, ask.WindowDays ?? AttributionAsk.DefaultWindowDays, ask.WindowDays is null,
            ask.From, ask.To, ask.By.Word(), data.Website.Currency, rows, Sum(data, Unattributed(data)), Totals(data, spend), data.NullPaths, Others(data), spend.Unplaced, data.Waiting, data.ToReview,
            Notes(data, spend, ask.Model == AttributionModel.Markov), clock.GetUtcNow(), (long)clock.GetElapsedTime(started).TotalMilliseconds);

        double[] Shared(Func<ConversionFact, double> of) => [.. ask.Model.Run(data.Valued(of), ask.Order).Select(c => c.Value)];
    }

    private AttributionComparison Compare(AttributionData data, SpendByKey spend)
    {
        var (ask, journeys) = (data.Ask, data.Journeys);
        var completed = data.Valued(c => data.IsOwnCurrency(c) ? (double)c.TrueRevenue : 0);
        var columns = AttributionModels.Compared.Select(model => (Word: model.Word(), Credits: model.Run(journeys, ask.Order), Completed: model.Run(completed, ask.Order))).ToList();
        var rows = Enumerable.Range(0, journeys.Keys.Count).Select(i =>
        {
            var key = journeys.Keys[i];
            var (name, channel) = Named(data, key);
            var spent = spend.Of(key);
            return new ComparedRow(key, name, channel, spent, columns.ToDictionary(c => c.Word, c => new ComparedCredit(c.Credits[i].Conversions, c.Credits[i].Value, c.Completed[i].Value,
                By(c.Credits[i].Value, spent), By(c.Completed[i].Value, spent))));
        }).OrderByDescending(r => r.Models.Values.Sum(m => m.Conversions)).ThenBy(r => r.Key, StringComparer.Ordinal).ToList();
        return new AttributionComparison([.. columns.Select(c => c.Word)], ask.Order, ask.WindowDays ?? AttributionAsk.DefaultWindowDays, ask.WindowDays is null, ask.From, ask.To, ask.By.Word(),
            data.Website.Currency, rows, Sum(data, Unattributed(data)), Totals(data, spend), data.NullPaths ?? 0, Notes(data, spend, isMarkov: true), clock.GetUtcNow());
    }

    /// <summary>What a key is called, and the channel it belongs to.</summary>
    internal static (string Name, string? Channel) Named(AttributionData data, string key) => data.Ask.By switch
    {
        AttributionBy.Channel => (key, key),
        AttributionBy.Link when data.Links.TryGetValue(key, out var link) => (link.Name, link.Channel),
        AttributionBy.Campaign => (key, data.Campaigns.GetValueOrDefault(key)?.Channel),
        _ => (key, null),
    };

    /// <summary>Conversions without a touch in its window.</summary>
    internal static IEnumerable<ConversionFact> Unattributed(AttributionData data)
    {
        var attributed = data.ConversionOf.Where(c => c >= 0).ToHashSet();
        return data.Conversions.Where((_, i) => !attributed.Contains(i));
    }

    private static AttributionSum Sum(AttributionData data, IEnumerable<ConversionFact> conversions)
    {
        var all = conversions.ToList();
        var own = all.Where(data.IsOwnCurrency).ToList();
        return new AttributionSum(all.Count, all.LongCount(c => c.IsKept), own.Sum(c => c.Revenue), own.Sum(c => c.TrueRevenue),
            Statuses(data).ToDictionary(status => status.Word(), status => all.LongCount(c => c.Status == status)));
    }

    private static AttributionTotals Totals(AttributionData data, SpendByKey spend)
    {
        var sum = Sum(data, data.Conversions);
        return new AttributionTotals(sum.Conversions, sum.Kept, sum.Revenue, sum.TrueRevenue, sum.Lifecycle, spend.Total, By(spend.Total, sum.Kept), By((double)sum.Revenue, spend.Total),
            By((double)sum.TrueRevenue, spend.Total));
    }

    private static List<OtherCurrency> Others(AttributionData data) =>
        [.. data.Conversions.Where(c => !data.IsOwnCurrency(c)).GroupBy(c => c.Currency)
            .Select(g => new OtherCurrency(g.Key, g.LongCount(), g.Sum(c => c.Revenue), g.Sum(c => c.TrueRevenue))).OrderByDescending(o => o.Conversions)];

    private static IEnumerable<ConversionStatus> Statuses(AttributionData data) => Enum.GetValues<ConversionStatus>().Where(status => data.Conversions.Exists(c => c.Status == status));

    private static List<ReportNote> Notes(AttributionData data, SpendByKey spend, bool isMarkov)
    {
        var notes = new List<ReportNote> { new("share_of_observed", "Each number is a share of observed conversions under this model, not proof of what caused them.") };
        if (isMarkov && data.NullPaths is 0 && data.Journeys.Count > 0)
            notes.Add(new("no_null_paths", "No journey without a conversion was seen: the Markov model cannot tell a good channel from a frequent one."));
        if ((data.Ask.WindowDays ?? data.Links.Values.Select(l => l.WindowDays).DefaultIfEmpty().Max()) > MatchQueue.EvidenceDays)
            notes.Add(new("window_beyond_matching", $"Matching looks at the {MatchQueue.EvidenceDays} days before a conversion; of older touches only clicks that a conversion was recorded with, and those a member confirmed, stand in a path."));
        if (data.Waiting > 0)
            notes.Add(new("waiting", $"{data.Waiting} conversions wait to be matched; the report may still change."));
        if (data.ToReview > 0)
            notes.Add(new("to_review", $"{data.ToReview} matches of the period are uncertain and wait for a look."));
        if (data.Conversions.Exists(c => !data.IsOwnCurrency(c)))
            notes.Add(new("other_currency", $"Money in other currencies than {data.Website.Currency} stands apart and is not converted; those conversions count."));
        if (spend.IsDivided)
            notes.Add(new("spend_divided", "Spend of a platform with several channels is divided between them by their touches of the period."));
        if (data.Journeys.Keys.Contains(AttributionReader.OtherKey))
            notes.Add(new("other_rows", $"The {AttributionReader.MostKeys - 1} most frequent rows stand alone; all others are together."));
        return notes;
    }

    private static double? By(double part, decimal? whole) => whole is > 0 ? part / (double)whole : null;

    private static double? By(decimal? part, double whole) => part is { } p && whole > 1e-9 ? (double)p / whole : null;
}

/// <summary>All of the dashboard's page.</summary>
public sealed record AttributionView(AttributionReport Report, AttributionComparison Comparison, PathReport Paths, LagReport Lag, FunnelReport Funnel)
{
    /// <summary>Paths on the page.</summary>
    public const int PathsShown = 12;
}
