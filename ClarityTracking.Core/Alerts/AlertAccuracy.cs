using System.Text.Json;
using ClarityTracking.Core.Health.Ledger;
using Npgsql;

namespace ClarityTracking.Core.Alerts;

/// <summary>
/// How many of the conversions that a destination was owed arrived there, in percent, by the ledger's own rule: of the last 24 hours, or, where those are
/// too few to tell, of the last 7 days. Fewer still tell nothing.
/// </summary>
internal static class AlertAccuracy
{
    private const int EnoughOfADay = 50, EnoughOfAWeek = 20;

    public static async Task<IReadOnlyList<Measure>> ReadAsync(NpgsqlConnection connection, WatchedWebsite website, DateTimeOffset now, CancellationToken cancel)
    {
        var (day, week) = (now.AddDays(-1), now.AddDays(-7));
        var scope = new LedgerScope(website.WorkspaceId, website.Id, week, now.AddMinutes(1));
        var destinations = (await LedgerReader.DestinationsAsync(connection, scope, cancel)).Where(d => d.Enabled).ToList();
        if (destinations.Count == 0)
            return [];
        // nothing of a week is past its time: retention keeps two at least
        var moment = await LedgerReader.MomentAsync(connection, new Data.RetentionOptions(), scope, now, cancel);
        var (days, weeks) = (destinations.ConvertAll(_ => new LedgerTally("")), destinations.ConvertAll(_ => new LedgerTally("")));
        await foreach (var conversion in LedgerReader.ReadAsync(connection, scope, cancel))
            for (var i = 0; i < destinations.Count; i++)
            {
                var verdict = LedgerRule.At(conversion, destinations[i], moment);
                weeks[i].Add(conversion, verdict);
                if (conversion.OccurredAt >= day)
                    days[i].Add(conversion, verdict);
            }
        return [.. destinations.Select((destination, i) => MeasureOf(destination, days[i].Sums(), weeks[i].Sums()))];
    }

    private static Measure MeasureOf(LedgerDestination destination, LedgerSums day, LedgerSums week)
    {
        var isDay = Due(day) >= EnoughOfADay;
        var sums = isDay ? day : week;
        return new Measure(destination.Id.ToString(), destination.Name, Due(sums) >= EnoughOfAWeek ? decimal.Round(100m * sums.Delivered / Due(sums), 2) : null, JsonSerializer.SerializeToElement(new
        {
            window = isDay ? "24 hours" : "7 days",
            due = Due(sums),
            delivered = sums.Delivered,
            failed = sums.Failed.Values.Sum(),
            missing = sums.Missing.Where(m => m.Key != Data.EnumText.Word(MissingCause.ConnectionAddedLater)).Sum(m => m.Value),
            waiting = sums.Waiting.Values.Sum() - sums.Open,
            unsendable = sums.Ignored.Values.Sum() - sums.RightlyIgnored,
            platform = destination.Platform,
        }));
    }

    /// <summary>What was to arrive by now.</summary>
    private static long Due(LedgerSums sums) => sums.Delivered + sums.Lost;
}
