using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations.TikTok;

/// <summary>
/// TikTok's integrated report by ad and day, and the advertiser's currency and time zone (Business API 1.3; the public SDK's reporting and
/// account pages, read 2026-11-21). Daily reports span at most 30 days and tell 365 days back.
/// </summary>
public sealed class TikTokSpend : ISpendReader
{
    /// <inheritdoc />
    public string Platform => "tiktok";

    /// <inheritdoc />
    public int DaysAtOnce => 7;

    /// <inheritdoc />
    public int MostDaysBack => 365;

    /// <inheritdoc />
    public string? AccountOf(JsonElement settings) => ConnectionJson.Text(settings, TikTokSettings.Advertiser);

    /// <inheritdoc />
    public string HowToSetAccount => "Enter the advertiser ID in the TikTok connection's settings.";

    /// <inheritdoc />
    public string Access => "Reading spend needs a token of TikTok sign-in with the permissions Ad Account Management and Reporting; an Events API token cannot.";

    /// <inheritdoc />
    public SpendWalk Begin(SpendDays days) => new Walk(this, days);

    private sealed class Walk(TikTokSpend reader, SpendDays days) : SpendWalk
    {
        private const int PageSize = 1000;
        private const string Metrics = """["campaign_id","campaign_name","adgroup_id","adgroup_name","ad_name","spend","impressions","clicks"]""";

        private int _page = 1;
        private bool _isDone;

        public override DestinationRequest? Next(DestinationAccess access)
        {
            if (_isDone)
                return null;
            var account = reader.AccountOf(access.Settings) ?? "";
            var token = ConnectionJson.Text(access.Credentials, "access_token") ?? "";
            var path = Currency is null
                ? "open_api/v1.3/advertiser/info/?" + Query(("advertiser_ids", JsonSerializer.Serialize(new[] { account })), ("fields", """["advertiser_id","currency","timezone","display_timezone"]"""))
                : "open_api/v1.3/report/integrated/get/?" + Query(("advertiser_id", account), ("report_type", "BASIC"), ("service_type", "AUCTION"), ("data_level", "AUCTION_AD"),
                    ("dimensions", """["ad_id","stat_time_day"]"""), ("metrics", Metrics), ("start_date", SpendJson.Iso(days.From)), ("end_date", SpendJson.Iso(days.To)),
                    ("page", _page.ToString(CultureInfo.InvariantCulture)), ("page_size", PageSize.ToString(CultureInfo.InvariantCulture)));
            return new DestinationRequest(HttpMethod.Get, new Uri(access.Url(path)), [], new Dictionary<string, string> { ["Access-Token"] = token }, [token]);
        }

        public override SpendFailure? Take(int httpStatus, string body)
        {
            if (!AnswerJson.TryRead(body, out var answer))
                return new SpendFailure(HttpStatusKind.Unreadable(httpStatus).Kind, HttpStatusKind.Unreadable(httpStatus).Reason);
            var code = AnswerJson.Number(answer, "code");
            if (code != 0)
                return new SpendFailure(TikTokAnswer.KindOf(code, httpStatus), AnswerJson.Reason(code?.ToString(CultureInfo.InvariantCulture) ?? $"HTTP {httpStatus}", AnswerJson.Text(answer, "message")));
            var data = AnswerJson.Member(answer, "data");
            return Currency is null ? TakeAccount(data) : TakeRows(data);
        }

        private SpendFailure? TakeAccount(JsonElement data)
        {
            var account = AnswerJson.Entries(data, "list").FirstOrDefault();
            Currency = CurrencyCode.Read(AnswerJson.Text(account, "currency"));
            TimeZone = AnswerJson.Text(account, "display_timezone") ?? AnswerJson.Text(account, "timezone");
            return Currency is null ? new SpendFailure(FailureKind.Credential, "TikTok tells nothing of this advertiser: the token may not read it, or the number is another's.") : null;
        }

        private SpendFailure? TakeRows(JsonElement data)
        {
            if (AnswerJson.Member(data, "list").ValueKind != JsonValueKind.Array)
                return Strange("there is no list of ads");
            foreach (var row in AnswerJson.Entries(data, "list"))
            {
                var (ad, told) = (AnswerJson.Member(row, "dimensions"), AnswerJson.Member(row, "metrics"));
                if (SpendJson.Day(ad, "stat_time_day") is not { } day || SpendJson.Count(told, "impressions") is not { } impressions
                    || SpendJson.Count(told, "clicks") is not { } clicks || SpendJson.Amount(told, "spend") is not { } spend)
                    return Strange("an ad's day or figures are no such");
                var id = SpendJson.Clean(ConnectionJson.Text(ad, "ad_id") ?? "");
                Add(new SpendRow(day, SpendJson.Named(told, "campaign_id", "campaign_name"), SpendJson.Named(told, "adgroup_id", "adgroup_name"),
                    new SpendName(id, SpendJson.Clean(ConnectionJson.Text(told, "ad_name") ?? id)), impressions, clicks, spend));
            }
            _isDone = _page++ >= (AnswerJson.Number(AnswerJson.Member(data, "page_info"), "total_page") ?? 1);
            return null;
        }

        private static string Query(params ReadOnlySpan<(string Name, string Value)> parts)
        {
            var query = new List<string>();
            foreach (var (name, value) in parts)
                query.Add($"{name}={Uri.EscapeDataString(value)}");
            return string.Join('&', query);
        }
    }
}
