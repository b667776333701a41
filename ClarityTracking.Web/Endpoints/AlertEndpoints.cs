using ClarityTracking.Core;
using ClarityTracking.Core.Alerts;
using ClarityTracking.Core.Alerts.Channels;
using ClarityTracking.Core.Tenancy;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Alerts and rules of a website, and the channels of a workspace.</summary>
public static class AlertEndpoints
{
    /// <summary>Until when an alert is quiet.</summary>
    public sealed record SnoozeOrder(DateTimeOffset? Until);

    public static void MapAlerts(this RouteGroupBuilder api)
    {
        var alerts = api.MapGroup("/websites/{id:guid}/alerts").WithTags("Alerts");
        alerts.MapGet("", ListAsync);
        alerts.MapGet("/{aid:guid}", GetAsync);
        alerts.MapPost("/{aid:guid}/acknowledge", AcknowledgeAsync);
        alerts.MapPost("/{aid:guid}/snooze", SnoozeAsync);
        alerts.MapPost("/{aid:guid}/reopen", ReopenAsync);
        var rules = api.MapGroup("/websites/{id:guid}/alert-rules").WithTags("Alerts");
        rules.MapGet("", RulesAsync);
        rules.MapPut("", ChangeRulesAsync);
        var channels = api.MapGroup("/workspaces/{id:guid}/alert-channels").WithTags("Alerts");
        channels.MapGet("", ChannelsAsync);
        channels.MapPost("", CreateChannelAsync);
        channels.MapGet("/{chid:guid}", ChannelAsync);
        channels.MapPatch("/{chid:guid}", ChangeChannelAsync);
        channels.MapDelete("/{chid:guid}", DeleteChannelAsync);
        channels.MapPost("/{chid:guid}/test", TestChannelAsync);
    }

    internal static async Task<Results<Ok<Page<AlertInfo>>, ProblemHttpResult>> ListAsync(
        Guid id, Caller caller, AlertService alerts, CancellationToken cancel, string? state = null, Guid? cursor = null, int limit = Page.DefaultLimit) =>
        (await alerts.ListAsync(caller, id, state, cursor, limit, cancel)).Ok();

    internal static async Task<Results<Ok<AlertDetails>, ProblemHttpResult>> GetAsync(Guid id, Guid aid, Caller caller, AlertService alerts, CancellationToken cancel) =>
        (await alerts.GetAsync(caller, id, aid, cancel)).Ok();

    internal static async Task<Results<Ok<AlertInfo>, ProblemHttpResult>> AcknowledgeAsync(Guid id, Guid aid, Caller caller, AlertService alerts, CancellationToken cancel) =>
        (await alerts.AcknowledgeAsync(caller, id, aid, cancel)).Ok();

    internal static async Task<Results<Ok<AlertInfo>, ProblemHttpResult>> SnoozeAsync(
        Guid id, Guid aid, SnoozeOrder order, Caller caller, AlertService alerts, CancellationToken cancel) =>
        (await alerts.SnoozeAsync(caller, id, aid, order.Until, cancel)).Ok();

    internal static async Task<Results<Ok<AlertInfo>, ProblemHttpResult>> ReopenAsync(Guid id, Guid aid, Caller caller, AlertService alerts, CancellationToken cancel) =>
        (await alerts.ReopenAsync(caller, id, aid, cancel)).Ok();

    internal static async Task<Results<Ok<AlertRules>, ProblemHttpResult>> RulesAsync(Guid id, Caller caller, AlertRuleService rules, CancellationToken cancel) =>
        (await rules.GetAsync(caller, id, cancel)).Ok();

    internal static async Task<Results<Ok<AlertRules>, ProblemHttpResult>> ChangeRulesAsync(
        Guid id, AlertRulesValues values, Caller caller, AlertRuleService rules, CancellationToken cancel) =>
        (await rules.ChangeAsync(caller, id, values, cancel)).Ok();

    internal static async Task<Results<Ok<Page<AlertChannelInfo>>, ProblemHttpResult>> ChannelsAsync(
        Guid id, Caller caller, AlertChannelService channels, CancellationToken cancel) =>
        (await channels.ListAsync(caller, id, cancel)).Whole();

    internal static async Task<Results<Created<AlertChannelInfo>, ProblemHttpResult>> CreateChannelAsync(
        Guid id, AlertChannelValues values, Caller caller, AlertChannelService channels, CancellationToken cancel) =>
        (await channels.CreateAsync(caller, id, values, cancel)).Created(c => c, c => $"/api/workspaces/{id}/alert-channels/{c.Id}");

    internal static async Task<Results<Ok<AlertChannelInfo>, ProblemHttpResult>> ChannelAsync(
        Guid id, Guid chid, Caller caller, AlertChannelService channels, CancellationToken cancel) =>
        (await channels.GetAsync(caller, id, chid, cancel)).Ok();

    internal static async Task<Results<Ok<AlertChannelInfo>, ProblemHttpResult>> ChangeChannelAsync(
        Guid id, Guid chid, AlertChannelValues values, Caller caller, AlertChannelService channels, CancellationToken cancel) =>
        (await channels.ChangeAsync(caller, id, chid, values, cancel)).Ok();

    internal static async Task<Results<NoContent, ProblemHttpResult>> DeleteChannelAsync(
        Guid id, Guid chid, Caller caller, AlertChannelService channels, CancellationToken cancel) =>
        (await channels.DeleteAsync(caller, id, chid, cancel)).NoContent();

    internal static async Task<Results<Ok<ChannelAnswer>, ProblemHttpResult>> TestChannelAsync(
        Guid id, Guid chid, Caller caller, AlertChannelService channels, CancellationToken cancel) =>
        (await channels.TestAsync(caller, id, chid, cancel)).Ok();
}
