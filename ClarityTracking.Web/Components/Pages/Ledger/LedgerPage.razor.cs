using System.IO.Pipelines;
using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Health.Ledger;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Web.Components.Charts;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace ClarityTracking.Web.Components.Pages.Ledger;

/// <summary>What the source of truth told, and how much of it each destination took. Filters and the opened conversion live in the address.</summary>
public sealed partial class LedgerPage(LedgerQueries ledger, SourceCatalog catalog)
{
    private const string StateName = "state", CauseName = "cause", ConnectionName = "connection", SourceName = "source", KindName = "kind", DaysName = "days", CursorName = "cursor",
        OpenName = "open";
    private const int Default = LedgerQueries.DefaultDays;
    private static readonly int[] Choices = [7, Default, 90];
    private static readonly string[] Kinds = [.. EnumText.All<ConversionKind>(), LedgerFilter.Webhook];
    private IReadOnlyList<LedgerDestinationSums> _destinations = [];
    private bool _isSaving;

    [SupplyParameterFromQuery(Name = StateName)]
    private string? State { get; set; }

    [SupplyParameterFromQuery(Name = CauseName)]
    private string? Cause { get; set; }

    [SupplyParameterFromQuery(Name = ConnectionName)]
    private string? Connection { get; set; }

    [SupplyParameterFromQuery(Name = SourceName)]
    private string? Source { get; set; }

    [SupplyParameterFromQuery(Name = KindName)]
    private string? Kind { get; set; }

    [SupplyParameterFromQuery(Name = DaysName)]
    private int? AskedDays { get; set; }

    [SupplyParameterFromQuery(Name = CursorName)]
    private string? Cursor { get; set; }

    [SupplyParameterFromQuery(Name = OpenName)]
    private Guid? Open { get; set; }

    private LoadState<LedgerReport> Report { get; set; } = new();

    private int Days => Choices.Contains(AskedDays ?? Default) ? AskedDays ?? Default : Default;

    private string Spoken => $"in the last {Days} days";

    private bool IsFiltered => new[] { State, Cause, Connection, Source, Kind }.Any(f => !string.IsNullOrEmpty(f));

    private LedgerFilter Asked => new(EnumText.Parse<LedgerState>(State), Some(Cause), Guid.TryParse(Connection, out var id) ? id : null, Some(Source), Kinds.Contains(Kind) ? Kind : null);

    /// <summary>The first day of the period begins at its midnight in the website's time zone only for the default; the others count back from now.</summary>
    private DateTimeOffset? From => Days == Default ? null : Viewer.Now.AddDays(-Days);

    private string? Answer
    {
        get
        {
            if (Report.Value is not { } report)
                return null;
            var t = report.Totals;
            if (t.Expected - t.RightlyIgnored == 0)
                return t.Conversions == 0 ? $"No conversion {(IsFiltered ? "fits" : "was made")} {Spoken}." : $"{Words.Count(t.Conversions, "conversion was", "conversions were")} made {Spoken}; none was to be sent.";
            var reached = t.Accuracy is { } accuracy ? $"{Words.Percent(accuracy)} of {Words.Count(t.Delivered + t.Lost, "conversion", "conversions")} reached {Where(report)} {Spoken}" : $"Nothing was due {Spoken}";
            var missing = Missing(t);
            string[] rest =
            [
                .. t.Failed.Values.Sum() is > 0 and var failed ? [$"{Words.Count(failed)} failed"] : Array.Empty<string>(),
                .. missing > 0 ? [$"{Words.Count(missing)} {(missing == 1 ? "is" : "are")} missing"] : Array.Empty<string>(),
                .. t.Ignored.Values.Sum() - t.RightlyIgnored is > 0 and var lacking ? [$"{Words.Count(lacking)} lack what the platform needs"] : Array.Empty<string>(),
                .. Late(t) is > 0 and var late ? [$"{Words.Count(late)} {(late == 1 ? "has" : "have")} waited for over an hour"] : Array.Empty<string>(),
                .. t.Open > 0 ? [$"{Words.Count(t.Open)} {(t.Open == 1 ? "is on its" : "are on their")} way"] : Array.Empty<string>(),
            ];
            return $"{reached}{(rest.Length == 0 ? "" : "; " + string.Join(", ", rest))}.";
        }
    }

    protected override async Task LoadAsync()
    {
        Guid? cursor = Guid.TryParse(Cursor, out var after) ? after : null;
        var asked = Asked;
        Report = await QueryAsync((caller, cancel) => ledger.GetAsync(caller, WebsiteId, From, null, asked, cursor, Core.Page.DefaultLimit, cancel));
        if (Report.Value is { } report && (asked.ConnectionId is null || _destinations.Count == 0))
            _destinations = report.Destinations;
    }

    /// <summary>How many have been on their way for so long that they count as lost.</summary>
    private static long Late(LedgerSums sums) => sums.Waiting.Values.Sum() - sums.Open;

    /// <summary>How many are missing that a destination was owed: one that was made later is owed nothing.</summary>
    private static long Missing(LedgerSums sums) => sums.Losses.Where(l => l.State == LedgerState.Missing).Sum(l => l.Conversions);

    private static string Where(LedgerReport report) => report.Destinations switch
    {
        [var one] => one.Name,
        [var one, var two] => $"{one.Name} and {two.Name}",
        _ => "every platform",
    };

    private string Those(LedgerState state) => With((StateName, State == state.Word() ? null : state.Word()), (CauseName, null), (CursorName, null));

    private string? Current(LedgerState state) => State == state.Word() ? "true" : null;

    private static List<ShareBar.Part> Parts(LedgerSums sums) =>
    [
        new("Delivered", sums.Delivered, "good"),
        new("Rightly ignored", sums.RightlyIgnored, "faint"),
        new("On their way", sums.Open, "info"),
        new("Lost", sums.Lost, "bad"),
    ];

    private static string Story(LedgerSums sums) => sums.Expected == 0 ? "nothing was to be sent"
        : $"{Words.Count(sums.Expected)} expected, {Words.Count(sums.Delivered)} delivered, {Words.Count(sums.RightlyIgnored)} rightly ignored{(sums.Open > 0 ? $", {Words.Count(sums.Open)} on their way" : "")}, {Words.Count(sums.Lost)} lost";

    private static List<(DateOnly, LedgerSums)> DaysOf(LedgerReport report, Guid connectionId) =>
        [.. report.Days.Select(d => (d.Day, d.Destinations.First(s => s.ConnectionId == connectionId).Sums))];

    private string SourceOf(string platform) => catalog.Find(platform)?.Info.DisplayName ?? (platform switch { "api" => "Conversions API", TrackedConversions.Source => "The website's own events", _ => platform });

    private static string? Some(string? text) => string.IsNullOrEmpty(text) ? null : text;

    /// <summary>Gives the browser the file while it is being written.</summary>
    private async Task SaveAsync()
    {
        _isSaving = true;
        var asked = Asked;
        if ((await DoAsync((caller, cancel) => ledger.RowsAsync(caller, WebsiteId, From, null, asked, cancel)))?.Value is { } rows)
        {
            var pipe = new Pipe();
            using var stream = new DotNetStreamReference(pipe.Reader.AsStream());
            var writing = WriteAsync(rows, pipe.Writer);
            await Viewer.InvokeAsync<object?>("save", "ledger.csv", stream);
            await pipe.Reader.CompleteAsync();
            await writing;
        }
        _isSaving = false;
    }

    private async Task WriteAsync(LedgerRows rows, PipeWriter to)
    {
        try
        {
            await LedgerCsv.WriteAsync(rows, to.AsStream(leaveOpen: true), Closed);
            await to.CompleteAsync();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            await to.CompleteAsync(error); // the browser's side tells
        }
    }
}
