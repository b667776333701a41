using ClarityTracking.Core.Delivery;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace ClarityTracking.Tests.Delivery;

/// <summary>A worker's hold on its batch.</summary>
public sealed class LeaseTests(AppWithPlatform app) : IClassFixture<AppWithPlatform>
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)] // another worker took it over, or it was deleted
    public async Task Renewal_IsHeldOnlyWhileSomethingCarriesIt(bool isCarried)
    {
        var site = await app.CreateWebsiteAsync(await app.RegisterAsync());
        var (id, until) = (Guid.CreateVersion7(), Lease.End(TimeProvider.System.GetUtcNow()));
        await app.RunAsync($"""
            INSERT INTO connections (workspace_id, id, website_id, platform, name, settings, enabled, state, state_changed_at, not_before, failures_in_a_row, created_at, updated_at)
            VALUES ('{site.WorkspaceId}', '{id}', '{site.Id}', 'meta', 'Meta', jsonb_build_object(), false, 'degraded', now(),
                    '{(isCarried ? until : until.AddSeconds(20)).AddTicks(-(until.Ticks % 10)):O}', 1, now(), now())
            """);
        await using var database = NpgsqlDataSource.Create(app.ConnectionString);
        await using var lease = new Lease(database, new LaneKey(site.WorkspaceId, id), [Guid.NewGuid()], until, TimeProvider.System, NullLogger.Instance);
        Assert.True(lease.IsHeld);
        for (var i = 0; lease.IsHeld && lease.Until == until; i++)
        {
            Assert.True(i < 120, "neither renewed nor lost");
            await Task.Delay(100);
        }
        Assert.Equal((isCarried, isCarried), (lease.IsHeld, lease.Until > until));
    }
}
