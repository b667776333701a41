using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using ClarityTracking.Core.Health.Ledger;
using ClarityTracking.Tests.Support;
using Npgsql;
using Xunit.Abstractions;

namespace ClarityTracking.Tests.Health.Ledger;

/// <summary>What a ledger costs. <c>LEDGER_ORDERS</c> sets how many orders a month (docs/ledger.md has the figures of 100,000).</summary>
public sealed class LedgerCostTests(AppFixture app, ITestOutputHelper output) : IClassFixture<AppFixture>
{
    private static readonly int Orders = int.TryParse(Environment.GetEnvironmentVariable("LEDGER_ORDERS"), CultureInfo.InvariantCulture, out var orders) ? orders : 1000;

    [Fact]
    public async Task Ledger_OfAMonth_TouchesTheWeeksItMustAndNoOthers()
    {
        var owner = await app.RegisterAsync();
        var site = await app.CreateWebsiteAsync(owner);
        using var client = app.ClientFor(owner);
        var destinations = new List<Guid>();
        for (var i = 0; i < 3; i++)
            destinations.Add((await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{site.Id}/connections",
                new { platform = "tinybird", name = $"T{i}", settings = new { data_source = "events" }, credentials = new { token = "t" } }))).GetProperty("id").GetGuid());
        await app.RunAsync("UPDATE connections SET created_at = now() - interval '1 year', state = 'paused', state_reason = 'test'");
        await BulkOrders.AddAsync(app, site, destinations, Orders, 29); // a ledger begins at a midnight: the day on which the thirtieth lies may be cut

        for (var run = 0; run < 3; run++)
        {
            var watch = Stopwatch.StartNew();
            var ledger = await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{site.Id}/ledger"));
            output.WriteLine($"{Orders} orders, {destinations.Count} destinations: the ledger took {watch.Elapsed.TotalSeconds:F2} s");
            Assert.Equal(Orders, ledger.GetProperty("totals").GetProperty("conversions").GetInt32());
            var sums = ledger.GetProperty("destinations")[0].GetProperty("sums");
            Assert.Equal(Orders / 100, sums.GetProperty("failed").GetProperty("permanent").GetInt32());
            Assert.Equal((Orders - (3 * Orders / 100)) / (double)(Orders - (Orders / 100)), sums.GetProperty("accuracy").GetDouble(), 1e-9); // those that are retried have waited for hours
        }
        var file = Stopwatch.StartNew();
        output.WriteLine($"the file of {(await client.GetByteArrayAsync($"/api/websites/{site.Id}/ledger.csv")).Length / 1024} KiB took {file.Elapsed.TotalSeconds:F2} s");

        var plan = await PlanAsync(site);
        output.WriteLine(plan);
        // lookups by an event's id, never a pass over a week or over all deliveries of the website
        Assert.DoesNotContain("Seq Scan on events", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("Seq Scan on deliveries", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("_pkey on deliveries", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("_pkey on events", plan, StringComparison.Ordinal);
    }

    private async Task<string> PlanAsync(NewSite site)
    {
        await using var connection = new NpgsqlConnection(app.ConnectionString);
        await connection.OpenAsync();
        await using var command = LedgerReader.Command(connection, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF) " + LedgerReader.Conversions,
            new LedgerScope(site.WorkspaceId, site.Id, DateTimeOffset.UtcNow.AddDays(-30), DateTimeOffset.UtcNow));
        var lines = new List<string>();
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
            lines.Add(row.GetString(0));
        return string.Join('\n', lines.Where(l => !l.Contains("never executed", StringComparison.Ordinal)));
    }
}
