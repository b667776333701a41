using System.Net.Http.Json;
using ClarityTracking.Core.Data;
using ClarityTracking.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace ClarityTracking.Tests.Inbound;

/// <summary>What is kept of a person: not lost when two conversions turn out to be one, and not kept longer than it can be of use.</summary>
public sealed class KeptPersonTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    /// <summary>The older of the two knows no person; what its own later event tells of one comes from the younger.</summary>
    [Fact]
    public async Task TwoConversionsThatTurnOutToBeOne_KeepTheYoungersPerson()
    {
        var sender = await Sender.ConnectAsync(app, "stripe");
        object Session(string? intent) => new { id = "cs_9", mode = "payment", payment_status = intent is null ? "unpaid" : "paid", payment_intent = intent, amount_total = 5000, currency = "eur" };
        await SenderMessages.Stripe(sender, "checkout.session.completed", Now.AddMinutes(-3), Session(null)).PostAsync(sender);
        await sender.ProcessedAsync(1);
        await SenderMessages.Stripe(sender, "payment_intent.succeeded", Now.AddMinutes(-2), new { id = "pi_9", status = "succeeded", amount_received = 5000, currency = "eur", receipt_email = "zoe@example.com" }).PostAsync(sender);
        await sender.ProcessedAsync(2);
        Assert.Equal(2, await app.ValueAsync<long>($"SELECT count(*) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        await SenderMessages.Stripe(sender, "checkout.session.async_payment_succeeded", Now.AddMinutes(-1), Session("pi_9")).PostAsync(sender);
        await sender.ProcessedAsync(3);
        await SenderMessages.Stripe(sender, "charge.refunded", Now, new { id = "ch_9", payment_intent = "pi_9", amount_refunded = 5000, refunded = true, currency = "eur" }, new { amount_refunded = 0 }).PostAsync(sender);
        await sender.ProcessedAsync(4);
        Assert.Equal(1, await app.ValueAsync<long>($"SELECT count(*) FROM conversions WHERE website_id = '{sender.Site.Id}'"));
        using var client = app.ClientFor(sender.Account);
        var refund = await app.ValueAsync<Guid>($"SELECT id FROM events WHERE website_id = '{sender.Site.Id}' AND name = 'refund'");
        var personal = (await AppFixture.JsonOf(await client.PostAsync($"/api/websites/{sender.Site.Id}/events/{refund}/reveal", null))).GetProperty("personal").ToString();
        Assert.Contains("zoe@example.com", personal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FailedWebhookInPrivacyMode_CanBeReplayedForAWeek_ThenItsBodyIsGone()
    {
        var (secret, open) = (await FailedAsync(isPrivate: true), await FailedAsync(isPrivate: false));
        var retention = app.Services.GetRequiredService<Retention>();
        foreach (var (days, kept) in new[] { (6, 2L), (8, 1L) })
        {
            await app.RunAsync($"UPDATE inbound_webhooks SET last_received_at = now() - interval '{days} days' WHERE website_id IN ('{secret.Site.Id}', '{open.Site.Id}')");
            await retention.RunAsync(CancellationToken.None);
            Assert.Equal(kept, await app.ValueAsync<long>($"SELECT count(*) FROM inbound_webhooks WHERE website_id IN ('{secret.Site.Id}', '{open.Site.Id}') AND body_sealed IS NOT NULL"));
        }
        using var client = app.ClientFor(secret.Account);
        var id = (await secret.LogAsync())[0].GetProperty("id").GetString();
        Assert.Equal("body_forgotten", (await AppFixture.ProblemOf(await client.PostAsync($"/api/websites/{secret.Site.Id}/inbound-webhooks/{id}/replay", null), 409)).GetProperty("code").GetString());

        async Task<Sender> FailedAsync(bool isPrivate)
        {
            var sender = await Sender.ConnectAsync(app);
            using var owner = app.ClientFor(sender.Account);
            await AppFixture.JsonOf(await owner.PatchAsJsonAsync($"/api/websites/{sender.Site.Id}", new { privacyMode = isPrivate }));
            await sender.PostAsync("booking.created", new { status = "no id" });
            Assert.Equal("failed", (await sender.ProcessedAsync()).GetProperty("status").GetString());
            return sender;
        }
    }
}
