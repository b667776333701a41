using System.Globalization;
using System.Text.Json;
using ClarityTracking.Core.Delivery;

namespace ClarityTracking.Core.Destinations.Pinterest;

/// <summary>
/// Pinterest's ad analytics by ad and day (API description 5.28.0, read 2026-11-21): the ad account tells the currency, the list of ads whom to
/// ask about, and the analytics of up to 100 ads a call what they cost. Days are UTC, 90 days back; spend is in micros of the account's currency.
/// </summary>
public sealed class PinterestSpend : ISpendReader
{
    /// <inheritdoc />
    public string Platform => "pinterest";

    /// <inheritdoc />
    public int DaysAtOnce => 30;

    /// <summary>One day less than Pinterest tells, as midnight may pass meanwhile.</summary>
    public int MostDaysBack => 89;

    /// <inheritdoc />
    public string? AccountOf(JsonElement settings) => ConnectionJson.Text(settings, "ad_account_id");

    /// <inheritdoc />
    public string HowToSetAccount => "Enter the ad account ID in the Pinterest connection's settings.";

    /// <inheritdoc />
    public string Access => "Reading spend needs a token with the scope ads:read; a conversion token may not have it. Connecting by Pinterest sign-in does.";

    /// <inheritdoc />
    public SpendWalk Begin(SpendDays days) => new Walk(this, days);

    private sealed class Walk(PinterestSpend reader, SpendDays days) : SpendWalk
    {
        private const int AdsAtOnce = 100, PageSize = 250;
        private const string Columns = "CAMPAIGN_ID,CAMPAIGN_NAME,AD_GROUP_ID,AD_GROUP_NAME,AD_ID,AD_NAME,IMPRESSION_1,CLICKTHROUGH_1,SPEND_IN_MICRO_DOLLAR";

        private readonly List<string> _ads = [];
        private string? _bookmark;
        private bool _knowsAds;
        private int _asked;

        public override DestinationRequest? Next(DestinationAccess access)
        {
            if (_knowsAds && _asked >= _ads.Count)
                return null;
            var account = $"v5/ad_accounts/{Uri.EscapeDataString(reader.AccountOf(access.Settings) ?? "")}";
            var token = ConnectionJson.Text(access.Credentials, "access_token") ?? "";
            var path = Currency is null ? account
                // what is paused or archived now may have cost something then
                : !_knowsAds ? $"{account}/ads?page_size={PageSize}&entity_statuses=ACTIVE,PAUSED,ARCHIVED" + (_bookmark is null ? "" : $"&bookmark={Uri.EscapeDataString(_bookmark)}")
                : $"{account}/ads/analytics?start_date={SpendJson.Iso(days.From)}&end_date={SpendJson.Iso(days.To)}&granularity=DAY&columns={Columns}&ad_ids="
                    + string.Join(',', _ads.Skip(_asked).Take(AdsAtOnce).Select(Uri.EscapeDataString));
            return new DestinationRequest(HttpMethod.Get, new Uri(access.Url(path)), [], new Dictionary<string, string> { ["Authorization"] = $"Bearer {token}" }, [token]);
        }

        public override SpendFailure? Take(int httpStatus, string body)
        {
            if (httpStatus is < 200 or >= 300)
                return Failure(httpStatus, body);
            if (_knowsAds)
                return TakeRows(httpStatus, body);
            if (!AnswerJson.TryRead(body, out var answer))
                return Failure(httpStatus, body);
            if (Currency is null)
            {
                (Currency, TimeZone) = (CurrencyCode.Read(AnswerJson.Text(answer, "currency")), "UTC");
                return Currency is null ? Strange("the account has no currency") : null;
            }
            if (AnswerJson.Member(answer, "items").ValueKind != JsonValueKind.Array)
                return Strange("there is no list of ads");
            _ads.AddRange(AnswerJson.Entries(answer, "items").Select(ad => ConnectionJson.Text(ad, "id")).OfType<string>());
            var bookmark = AnswerJson.Text(answer, "bookmark");
            _knowsAds = string.IsNullOrEmpty(bookmark) || bookmark == _bookmark;
            _bookmark = bookmark;
            return null;
        }

        private SpendFailure? TakeRows(int httpStatus, string body)
        {
            if (!AnswerJson.TryRead(body, out var rows, JsonValueKind.Array))
                return Failure(httpStatus, body);
            foreach (var row in rows.EnumerateArray())
            {
                if (SpendJson.Day(row, "DATE") is not { } day || SpendJson.Count(row, "IMPRESSION_1") is not { } impressions
                    || SpendJson.Count(row, "CLICKTHROUGH_1") is not { } clicks || SpendJson.Amount(row, "SPEND_IN_MICRO_DOLLAR") is not { } micros)
                    return Strange("an ad's day or figures are no such");
                Add(new SpendRow(day, SpendJson.Named(row, "CAMPAIGN_ID", "CAMPAIGN_NAME"), SpendJson.Named(row, "AD_GROUP_ID", "AD_GROUP_NAME"), SpendJson.Named(row, "AD_ID", "AD_NAME"),
                    impressions, clicks, micros / SpendJson.Micros));
            }
            _asked += AdsAtOnce;
            return null;
        }

        private static SpendFailure Failure(int httpStatus, string body)
        {
            if (!AnswerJson.TryRead(body, out var error) || httpStatus is >= 200 and < 300)
                return new SpendFailure(HttpStatusKind.Unreadable(httpStatus).Kind, HttpStatusKind.Unreadable(httpStatus).Reason);
            return new SpendFailure(HttpStatusKind.Of(httpStatus),
                AnswerJson.Reason($"HTTP {httpStatus}", AnswerJson.Number(error, "code")?.ToString(CultureInfo.InvariantCulture), AnswerJson.Text(error, "message")));
        }
    }
}
