using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Delivery;
using ClarityTracking.Core.Destinations;
using Microsoft.Extensions.Configuration;

namespace ClarityTracking.Core.Inbound;

/// <summary>Why something of a sender is not done.</summary>
/// <param name="Words">One sentence.</param>
/// <param name="MayPass">Trying later may help; else a person must do something.</param>
public sealed record SenderProblem(string Words, bool MayPass);

/// <summary>Asks senders' APIs.</summary>
public sealed class SenderApi(DestinationClient client, IConfiguration configuration, TimeProvider clock)
{
    /// <summary>An answer may lead to another question, and that one no further.</summary>
    private const int MostRounds = 3;

    /// <summary>What a request to the sender's API needs.</summary>
    public DestinationAccess AccessOf(ISource sender, SourceConnection source) => new(BaseUrl(sender, source.Settings), source.Settings, source.Credentials, clock.GetUtcNow(),
        ConnectionJson.Text(source.Credentials, "access_token"));

    /// <summary>Sends one request.</summary>
    public Task<CallResult> AskAsync(DestinationRequest request, CancellationToken cancel) => client.SendAsync(request, cancel);

    /// <summary>
    /// Asks for what a notification leaves out. What cannot be had for now makes it wait (no record); what is gone is left out; what the
    /// sender refuses to tell is a problem beside a record that knows less.
    /// </summary>
    public async Task<(InboundRecord? Record, SenderProblem? Problem)> CompleteAsync(ISource sender, SourceConnection source, InboundRecord record, CancellationToken cancel)
    {
        if (record.NeedsFetch is not { Count: > 0 } || record.Action == InboundAction.Ignored)
            return (record, null);
        var access = AccessOf(sender, source);
        var answers = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        var asked = new HashSet<string>(StringComparer.Ordinal);
        SenderProblem? problem = null;
        var lookUps = sender.LookUps(record, access);
        if (lookUps.Count == 0)
            return (record, null); // no credentials to ask with: what the notification says is all there is
        for (var round = 0; round < MostRounds && lookUps.Count > 0; round++)
        {
            foreach (var lookUp in lookUps)
            {
                asked.Add(lookUp.Name);
                var answer = await client.SendAsync(lookUp.Request, cancel);
                if (answer.HttpStatus is >= 200 and < 300 && TryParse(answer.Body, out var json))
                    answers[lookUp.Name] = json;
                else if (answer.HttpStatus is 401 or 403)
                    problem ??= new SenderProblem($"{sender.Info.DisplayName} refused to tell more ({lookUp.Name}, HTTP {answer.HttpStatus}): check the connection's credentials, then replay.", MayPass: false);
                else if (answer.HttpStatus is not 404)
                    return (null, new SenderProblem($"{sender.Info.DisplayName} did not answer ({lookUp.Name}, {Words(answer)}).", MayPass: true));
            }
            lookUps = [.. sender.FollowUps(record, answers, access).Where(l => !asked.Contains(l.Name))];
        }
        return (sender.Complete(record, answers, source.Settings), problem);
    }

    /// <summary>What came instead of an answer.</summary>
    internal static string Words(CallResult answer) => answer.HttpStatus is { } status ? $"HTTP {status}" : answer.Body;

    /// <summary>Reads an answer.</summary>
    internal static bool TryParse(string body, out JsonElement json)
    {
        json = default;
        try
        {
            json = JsonElement.Parse(body);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private Uri BaseUrl(ISource sender, JsonElement settings)
    {
        var section = char.ToUpperInvariant(sender.Info.Platform[0]) + sender.Info.Platform[1..];
        return configuration[$"Sources:{section}:BaseUrl"] is { Length: > 0 } url ? new Uri(url) : sender.BaseUrl(settings) ?? new Uri("https://source.invalid");
    }
}

/// <summary>Builds requests to senders' APIs.</summary>
static class SenderRequest
{
    /// <summary>A question with a bearer token.</summary>
    /// <param name="url">Full address, its parts escaped.</param>
    /// <param name="token">The token.</param>
    /// <param name="toUserAddress">A user chose the address.</param>
    /// <param name="headers">More headers.</param>
    internal static DestinationRequest Get(string url, string token, bool toUserAddress = false, params ReadOnlySpan<(string Name, string Value)> headers)
    {
        var all = new Dictionary<string, string> { ["Authorization"] = new AuthenticationHeaderValue("Bearer", token).ToString() };
        foreach (var (name, value) in headers)
            all[name] = value;
        return new DestinationRequest(HttpMethod.Get, new Uri(url), [], all, [token], ToUserAddress: toUserAddress);
    }

    /// <summary>A question with user name and password.</summary>
    internal static DestinationRequest GetBasic(string url, string user, string password, bool toUserAddress = false)
    {
        var pair = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"));
        return new DestinationRequest(HttpMethod.Get, new Uri(url), [], new Dictionary<string, string> { ["Authorization"] = $"Basic {pair}" }, [password, pair], ToUserAddress: toUserAddress);
    }
}
