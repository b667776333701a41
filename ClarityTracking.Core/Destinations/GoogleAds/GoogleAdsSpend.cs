using System.Text.Json;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations.GoogleAds;

/// <summary>
/// Google Ads by <c>searchStream</c> (Google Ads API reference, read 2026-11-21), one day a walk because a stream has no pages. Asked twice: by
/// campaign, which holds all that was spent, and by ad; what no ad stands for (Performance Max has none) becomes a row of the campaign alone.
/// </summary>
public sealed class GoogleAdsSpend : ISpendReader
{
    /// <inheritdoc />
    public string Platform => "google_ads";

    /// <inheritdoc />
    public int DaysAtOnce => 1;

    /// <inheritdoc />
    public int MostDaysBack => 1120;

    /// <inheritdoc />
    public string? AccountOf(JsonElement settings) => GoogleAdsSettings.Account(settings, "customer_id");

    /// <inheritdoc />
    public string HowToSetAccount => "Enter the customer ID in the Google Ads connection's settings.";

    /// <inheritdoc />
    public string Access => "Reading spend needs the Google Ads API: a developer token in the connection's credentials, and a Google account with access to this customer (through a manager account: its ID too).";

    /// <inheritdoc />
    public SpendWalk Begin(SpendDays days) => new Walk(days);

    private sealed class Walk(SpendDays days) : SpendWalk
    {
        private const string Common = "customer.currency_code, customer.time_zone, segments.date, campaign.id, campaign.name, metrics.impressions, metrics.clicks, metrics.cost_micros";

        private readonly Dictionary<(DateOnly Day, string Campaign), SpendRow> _campaigns = [];
        private int _asked;

        public override DestinationRequest? Next(DestinationAccess access)
        {
            if (_asked == 2)
                return null;
            var between = $"WHERE segments.date BETWEEN '{SpendJson.Iso(days.From)}' AND '{SpendJson.Iso(days.To)}'";
            var query = _asked == 0 ? $"SELECT {Common} FROM campaign {between}"
                : $"SELECT {Common}, ad_group.id, ad_group.name, ad_group_ad.ad.id, ad_group_ad.ad.name FROM ad_group_ad {between}";
            var token = access.AccessToken ?? ConnectionJson.Text(access.Credentials, "access_token") ?? "";
            var developer = ConnectionJson.Text(access.Credentials, "developer_token") ?? "";
            var headers = new Dictionary<string, string> { ["Authorization"] = $"Bearer {token}", ["developer-token"] = developer };
            if (GoogleAdsSettings.Account(access.Settings, "manager_id") is { } manager)
                headers["login-customer-id"] = manager;
            // the operator's address stands in for both of Google's
            var api = access.BaseUrl.Host == "datamanager.googleapis.com" ? access with { BaseUrl = ClickUpload.BaseUrl } : access;
            var version = ConnectionJson.Text(access.Settings, "api_version") ?? GoogleAdsSettings.DefaultApiVersion;
            return new DestinationRequest(HttpMethod.Post, new Uri(api.Url($"{version}/customers/{GoogleAdsSettings.Account(access.Settings, "customer_id")}/googleAds:searchStream")),
                JsonSerializer.SerializeToUtf8Bytes(new { query }), headers, [token, developer]);
        }

        public override SpendFailure? Take(int httpStatus, string body)
        {
            var isList = AnswerJson.TryRead(body, out var answer, JsonValueKind.Array);
            if (httpStatus is < 200 or >= 300)
                return Failure(httpStatus, isList ? answer.EnumerateArray().FirstOrDefault() : AnswerJson.TryRead(body, out var single) ? single : default);
            if (!isList)
                return new SpendFailure(FailureKind.Transient, $"HTTP {httpStatus} with an answer that is not Google's, or one longer than 4 MiB.");
            foreach (var batch in answer.EnumerateArray())
            {
                if (AnswerJson.Member(batch, "error").ValueKind == JsonValueKind.Object)
                    return Failure(AnswerJson.Number(AnswerJson.Member(batch, "error"), "code") ?? httpStatus, batch); // a stream may break off after its 200
                foreach (var result in AnswerJson.Entries(batch, "results"))
                    if (!Read(result))
                        return Strange("a campaign's day or figures are no such");
            }
            if (++_asked == 2)
                foreach (var rest in _campaigns.Values)
                    Add(rest);
            return null;
        }

        private bool Read(JsonElement result)
        {
            var (customer, metrics) = (AnswerJson.Member(result, "customer"), AnswerJson.Member(result, "metrics"));
            Currency ??= CurrencyCode.Read(AnswerJson.Text(customer, "currencyCode"));
            TimeZone ??= AnswerJson.Text(customer, "timeZone");
            if (Currency is null || SpendJson.Day(AnswerJson.Member(result, "segments"), "date") is not { } day || SpendJson.Count(metrics, "impressions") is not { } impressions
                || SpendJson.Count(metrics, "clicks") is not { } clicks || SpendJson.Amount(metrics, "costMicros") is not { } micros)
                return false;
            var row = new SpendRow(day, SpendJson.Named(AnswerJson.Member(result, "campaign"), "id", "name"), SpendName.None, SpendName.None, impressions, clicks, micros / SpendJson.Micros);
            var key = (day, row.Campaign.Id);
            if (_asked == 0)
                _campaigns[key] = row;
            else
            {
                Add(row with
                {
                    Group = SpendJson.Named(AnswerJson.Member(result, "adGroup"), "id", "name"),
                    Ad = SpendJson.Named(AnswerJson.Member(AnswerJson.Member(result, "adGroupAd"), "ad"), "id", "name"),
                });
                if (_campaigns.TryGetValue(key, out var left))
                    _campaigns[key] = left with
                    {
                        Impressions = Math.Max(0, left.Impressions - impressions),
                        Clicks = Math.Max(0, left.Clicks - clicks),
                        Spend = left.Spend - row.Spend is var spend and > 0 ? spend : 0, // counted a moment later, ads may hold more
                    };
            }
            return true;
        }

        private static SpendFailure Failure(int httpStatus, JsonElement answer)
        {
            var error = AnswerJson.Member(answer, "error");
            if (error.ValueKind != JsonValueKind.Object)
                return new SpendFailure(HttpStatusKind.Unreadable(httpStatus).Kind, HttpStatusKind.Unreadable(httpStatus).Reason);
            var inner = AnswerJson.Entries(error, "details").SelectMany(d => AnswerJson.Entries(d, "errors")).FirstOrDefault();
            var codes = AnswerJson.Member(inner, "errorCode");
            var code = codes.ValueKind == JsonValueKind.Object ? codes.EnumerateObject().Select(c => AnswerJson.Text(codes, c.Name)).FirstOrDefault() : null;
            return new SpendFailure(AnswerJson.Text(error, "status") == "RESOURCE_EXHAUSTED" ? FailureKind.RateLimited : HttpStatusKind.Of(httpStatus),
                AnswerJson.Reason($"HTTP {httpStatus}", code ?? AnswerJson.Text(error, "status"), AnswerJson.Text(inner, "message") ?? AnswerJson.Text(error, "message")));
        }
    }
}
