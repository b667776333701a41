using ClarityTracking.Core;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Bookings;

/// <summary>What senders told of appointments, orders and payments. Filters and the opened one live in the address.</summary>
public sealed partial class BookingsPage(ConversionQueries conversions, SourceCatalog catalog)
{
    private const string KindName = "kind", StatusName = "status", SourceName = "source", PeriodName = "period", CursorName = "cursor", OpenName = "open", All = "all";
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(3);

    private static readonly (ConversionKind Kind, string Label)[] OtherKinds =
    [
        (ConversionKind.Order, "Orders"),
        (ConversionKind.Payment, "Payments"),
        (ConversionKind.Lead, "Leads"),
    ];

    private Task? _looking;

    [SupplyParameterFromQuery(Name = KindName)]
    private string? Kind { get; set; }

    [SupplyParameterFromQuery(Name = StatusName)]
    private string? Status { get; set; }

    [SupplyParameterFromQuery(Name = SourceName)]
    private string? Source { get; set; }

    [SupplyParameterFromQuery(Name = PeriodName)]
    private string? Period { get; set; }

    [SupplyParameterFromQuery(Name = CursorName)]
    private string? Cursor { get; set; }

    [SupplyParameterFromQuery(Name = OpenName)]
    private Guid? Open { get; set; }

    private LoadState<Page<ConversionInfo>> Bookings { get; set; } = new();

    private LoadState<IReadOnlyList<ConversionSum>> Sums { get; set; } = new();

    private bool IsFiltered => !string.IsNullOrEmpty(Kind) || !string.IsNullOrEmpty(Status) || !string.IsNullOrEmpty(Source);

    private string? Answer
    {
        get
        {
            if (Sums.Value is not { } sums)
                return null;
            var all = sums.Sum(s => s.Count);
            var what = string.IsNullOrEmpty(Kind) ? Words.Count(all, "booking was", "bookings were") : Words.Count(all, "conversion was", "conversions were");
            if (all == 0)
                return $"{(string.IsNullOrEmpty(Kind) ? "No booking was" : "Nothing was")} made {Periods.InWords(Period)}.";
            long Of(params ConversionStatus[] statuses) => sums.Where(s => statuses.Contains(s.Status)).Sum(s => s.Count);
            string[] lost =
            [
                .. Of(ConversionStatus.Cancelled) is > 0 and var cancelled ? [$"{Words.Count(cancelled)} cancelled"] : Array.Empty<string>(),
                .. Of(ConversionStatus.NoShow) is > 0 and var missed ? [$"{Words.Count(missed)} did not come"] : Array.Empty<string>(),
                .. Of(ConversionStatus.Refunded) is > 0 and var refunded ? [$"{Words.Count(refunded)} refunded"] : Array.Empty<string>(),
            ];
            return $"{what} made {Periods.InWords(Period)}{(lost.Length == 0 ? "" : "; " + string.Join(", ", lost))}.";
        }
    }

    protected override async Task LoadAsync()
    {
        ConversionKind? kind = Kind == All ? null : EnumText.Parse<ConversionKind>(Kind) ?? ConversionKind.Booking;
        var filter = new ConversionFilter(kind, null, string.IsNullOrEmpty(Source) ? null : Source, Periods.From(Period, Viewer.Now));
        Guid? cursor = Guid.TryParse(Cursor, out var before) ? before : null;
        Sums = await QueryAsync((caller, cancel) => conversions.SumsAsync(caller, WebsiteId, filter, cancel));
        Bookings = await QueryAsync((caller, cancel) =>
            conversions.ListAsync(caller, WebsiteId, filter with { Status = EnumText.Parse<ConversionStatus>(Status) }, cursor, Core.Page.DefaultLimit, cancel));
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    /// <summary>The newest page follows what happens; older pages stay as they are.</summary>
    private async Task LookAgainAsync()
    {
        if (!Bookings.IsLoaded || Cursor is not null || !await Viewer.IsVisibleAsync())
            return;
        await LoadAsync();
        StateHasChanged();
    }

    /// <summary>Currencies are never added up.</summary>
    private static string Amounts(IEnumerable<ConversionSum> sums) =>
        string.Join(" + ", sums.Where(s => s.Value > 0).Select(s => Words.Money(s.Value, s.Currency))) is { Length: > 0 } words ? words : "no value told";

    private string SourceOf(ConversionInfo conversion) =>
        conversion.ConnectionName ?? catalog.Find(conversion.Source)?.Info.DisplayName ?? ConversionWords.Source(conversion.Source);

    private string Short(DateTimeOffset at) => TimeZoneInfo.ConvertTime(at, Viewer.Zone).ToString("d MMM, HH:mm", System.Globalization.CultureInfo.InvariantCulture);
}
