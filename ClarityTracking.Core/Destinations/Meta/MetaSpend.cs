using System.Text.Json;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations.Meta;

/// <summary>
/// Meta's Insights API by ad and day, and the ad account's currency and time zone (Marketing API documentation and Business SDK 24, read
/// 2026-11-21). Spend comes as a decimal text in the account's currency; figures may change for some days after.
/// </summary>
public sealed class MetaSpend : ISpendReader
{
    /// <inheritdoc />
    public string Platform => "meta";

    /// <inheritdoc />
    public int DaysAtOnce => 7;

    /// <summary>Insights go back 37 months.</summary>
    public int MostDaysBack => 1120;

    /// <inheritdoc />
    public string? AccountOf(JsonElement settings) => ConnectionJson.Text(settings, MetaSettings.AdAccount) is { } id
        ? id.StartsWith("act_", StringComparison.Ordinal) ? id["act_".Length..] : id : null;

    /// <inheritdoc />
    public string HowToSetAccount => "Enter the ad account ID in the Meta connection's settings.";

    /// <inheritdoc />
    public string Access => "Reading spend needs a token with ads_read for this ad account; a token made in Events Manager for the Conversions API may not have it. Connecting by Facebook Login does.";

    /// <inheritdoc />
    public SpendWalk Begin(SpendDays days) => new Walk(this, days);

    private sealed class Walk(MetaSpend reader, SpendDays days) : SpendWalk
    {
        private const int PageSize = 500;
        private const string Fields = "campaign_id,campaign_name,adset_id,adset_name,ad_id,ad_name,impressions,clicks,spend,date_start,date_stop,account_currency";
        private static readonly Dictionary<string, string> NoHeaders = [];

        private bool _isDone;
        private string? _after;

        public override DestinationRequest? Next(DestinationAccess access)
        {
            if (_isDone)
                return null;
            var account = "act_" + Uri.EscapeDataString(reader.AccountOf(access.Settings) ?? "");
            var range = JsonSerializer.Serialize(new { since = SpendJson.Iso(days.From), until = SpendJson.Iso(days.To) });
            var path = Currency is null
                ? $"{account}?fields=currency,timezone_name&"
                : $"{account}/insights?level=ad&time_increment=1&time_range={Uri.EscapeDataString(range)}&fields={Fields}&limit={PageSize}&"
                    + (_after is null ? "" : $"after={Uri.EscapeDataString(_after)}&");
            var (url, secrets) = MetaCall.Sign(access, path);
            return new DestinationRequest(HttpMethod.Get, url, [], NoHeaders, secrets);
        }

        public override SpendFailure? Take(int httpStatus, string body)
        {
            if (MetaAnswer.Failure(httpStatus, body, out var answer) is { } failure)
                return new SpendFailure(failure.Kind, failure.Reason);
            if (Currency is null)
            {
                (Currency, TimeZone) = (CurrencyCode.Read(AnswerJson.Text(answer, "currency")), AnswerJson.Text(answer, "timezone_name"));
                return Currency is null ? Strange("the account has no currency") : null;
            }
            if (AnswerJson.Member(answer, "data").ValueKind != JsonValueKind.Array)
                return Strange("there is no list of ads");
            foreach (var row in AnswerJson.Entries(answer, "data"))
            {
                if (SpendJson.Day(row, "date_start") is not { } day || SpendJson.Count(row, "impressions") is not { } impressions
                    || SpendJson.Count(row, "clicks") is not { } clicks || SpendJson.Amount(row, "spend") is not { } spend)
                    return Strange("an ad's day or figures are no such");
                Add(new SpendRow(day, SpendJson.Named(row, "campaign_id", "campaign_name"), SpendJson.Named(row, "adset_id", "adset_name"), SpendJson.Named(row, "ad_id", "ad_name"),
                    impressions, clicks, spend));
            }
            var paging = AnswerJson.Member(answer, "paging");
            var after = AnswerJson.Text(paging, "next") is null ? null : AnswerJson.Text(AnswerJson.Member(paging, "cursors"), "after");
            _isDone = after is null || after == _after; // a cursor that does not move would never end
            _after = after;
            return null;
        }
    }
}
