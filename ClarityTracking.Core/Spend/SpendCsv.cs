using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Destinations;
using CsvHelper;

namespace ClarityTracking.Core.Spend;

/// <summary>Why a line of a file cannot be taken.</summary>
/// <param name="Line">Counted from 1, the header included; 0 = the whole file.</param>
/// <param name="Message">What is wrong and what to do.</param>
public sealed record SpendCsvError(int Line, string Message);

/// <summary>What a file says.</summary>
/// <param name="Rows">Its lines, when all are good.</param>
/// <param name="Lines">Line number of each row.</param>
/// <param name="Errors">The first of them, by line.</param>
/// <param name="ErrorCount">How many there are.</param>
/// <param name="LacksCurrency">It has lines without a currency, which took the default one.</param>
internal sealed record SpendFile(IReadOnlyList<StoredSpend> Rows, IReadOnlyList<int> Lines, IReadOnlyList<SpendCsvError> Errors, int ErrorCount, bool LacksCurrency);

/// <summary>Reads spend from CSV. What could be read in two ways is refused by its line rather than guessed.</summary>
internal static partial class SpendCsv
{
    /// <summary>Most errors that are told.</summary>
    public const int MostErrors = 20;

    private const int LongestText = 500;
    private const decimal Largest = 1_000_000_000m;

    /// <summary>A file that shows all columns.</summary>
    public const string Example = """
        date,source,medium,account,campaign,campaign_id,ad_group,ad,impressions,clicks,spend,currency
        2026-11-01,linkedin,cpc,,Autumn offer,,,,12000,180,149.90,EUR
        2026-11-02,linkedin,cpc,,Autumn offer,,,,9800,151,120.50,EUR
        2026-11-02,podcast,audio,,Sponsor spot,,,,,,400.00,EUR
        """;

    /// <summary>Names a column may have, in lower case, by what it holds.</summary>
    private static readonly (string Column, string[] Names)[] Columns =
    [
        ("date", ["date", "day", "datum", "tag", "reporting starts", "by day"]),
        ("spend", ["spend", "cost", "amount", "amount spent", "costs", "kosten", "ausgaben"]),
        ("currency", ["currency", "currency code", "währung"]),
        ("campaign", ["campaign", "campaign name", "utm_campaign", "kampagne"]),
        ("campaign_id", ["campaign id"]),
        ("group", ["ad group", "ad set", "ad group name", "ad set name", "adset name", "group"]),
        ("group_id", ["ad group id", "ad set id", "group id"]),
        ("ad", ["ad", "ad name"]),
        ("ad_id", ["ad id"]),
        ("impressions", ["impressions", "impr.", "impressionen"]),
        ("clicks", ["clicks", "link clicks", "klicks"]),
        ("source", ["source", "platform", "network", "utm_source", "quelle"]),
        ("medium", ["medium", "utm_medium"]),
        ("account", ["account", "account id"]),
    ];

    private static readonly string[] DateFormats = ["yyyy-MM-dd", "yyyy/MM/dd", "yyyyMMdd", "dd.MM.yyyy", "d.M.yyyy"];

    /// <summary>Reads a whole file.</summary>
    /// <param name="bytes">UTF-8.</param>
    /// <param name="source">For lines (or files) without a source; null = a source is required.</param>
    /// <param name="currency">For lines (or files) without a currency.</param>
    /// <param name="today">The last day that may be told, UTC; tomorrow counts, because it has begun somewhere.</param>
    public static SpendFile Read(ReadOnlyMemory<byte> bytes, string? source, string currency, DateOnly today)
    {
        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes.Span).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException)
        {
            return Refused(0, "The file is not UTF-8; save it as CSV UTF-8.");
        }
        if (text.Contains('\0', StringComparison.Ordinal))
            return Refused(0, "The file holds NUL characters; save it as CSV UTF-8, not UTF-16 or a spreadsheet's own format.");
        var head = text.AsSpan();
        var end = head.IndexOfAny('\r', '\n');
        if (end >= 0)
            head = head[..end];
        var line = head.ToString();
        var delimiter = ((char[])[';', '\t', ',']).MaxBy(d => line.Count(c => c == d));
        if (head.IsWhiteSpace())
            return Refused(1, "The first line must name the columns: date, campaign, spend and more.");
        var reading = new Reading(source, currency, today);
        using var csv = CsvReader.FromText(text, new CsvReaderOptions
        {
            Separator = delimiter,
            HasHeader = false,
            TrimWhitespace = true,
            TrackLineNumbers = true,
            // an open quotation mark must not swallow the rest of the file
            AllowLineBreaksInQuotes = false,
            OnMalformedRecord = bad => reading.Error((int)bad.LineNumber, "The quotation marks do not fit: one is missing, or stands inside a field."),
        });
        while (csv.Read())
        {
            var fields = new string[csv.FieldCount];
            for (var i = 0; i < fields.Length; i++)
                fields[i] = csv.GetString(i);
            if (!reading.Take((int)csv.LineNumber, fields))
                break;
        }
        return reading.File;
    }

    private static SpendFile Refused(int line, string message) => new([], [], [new(line, message)], 1, false);

    /// <summary>A number with decimal point or comma; null and why when it could mean two things, or nothing.</summary>
    internal static (decimal? Value, string? Error) Number(string text)
    {
        var bare = Spaces().Replace(text, "");
        if (!Digits().IsMatch(bare))
            return (null, $"\"{Shown(text)}\" is no number; write 1234.56 without currency sign.");
        var (point, comma) = (bare.LastIndexOf('.'), bare.LastIndexOf(','));
        var (points, commas) = (bare.Count(c => c == '.'), bare.Count(c => c == ','));
        char? separator = (points, commas) switch
        {
            (0, 0) => null,
            (1, 0) => '.',
            (0, 1) => ',',
            ( > 1, 0) or (0, > 1) => '\0', // thousands only
            (1, _) when point > comma => '.',
            (_, 1) when comma > point => ',',
            _ => ' ',
        };
        if (separator == ' ')
            return (null, $"\"{Shown(text)}\" is no number: points and commas are mixed.");
        var whole = separator is '.' or ',' ? bare[..bare.LastIndexOf(separator.Value)] : bare;
        var rest = separator is '.' or ',' ? bare[(whole.Length + 1)..] : "";
        if (points + commas == 1 && rest.Length == 3 && whole.TrimStart('-').Length is > 0 and <= 3 && whole.TrimStart('-')[0] != '0')
            return (null, $"\"{Shown(text)}\" may be {whole}{rest} or {whole}.{rest}; write {whole}{rest}.00 or {whole}.{rest}0.");
        if (whole.Contains('.', StringComparison.Ordinal) || whole.Contains(',', StringComparison.Ordinal))
            if (!Thousands().IsMatch(whole))
                return (null, $"\"{Shown(text)}\" is no number: thousands must be groups of three digits.");
        var plain = whole.Replace(".", "", StringComparison.Ordinal).Replace(",", "", StringComparison.Ordinal) + (rest.Length > 0 ? "." + rest : "");
        return decimal.TryParse(plain, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && Math.Abs(value) <= Largest && rest.Length <= 6
            ? (value, null) : (null, $"\"{Shown(text)}\" is too large, or has more than 6 decimals.");
    }

    /// <summary>A piece of the file inside a message.</summary>
    private static string Shown(string text) => text.Length <= 40 ? text : text[..40] + "…";

    // spaces and apostrophes part thousands in some countries
    [GeneratedRegex(@"(?<=\d)[\s'’](?=\d{3})")]
    private static partial Regex Spaces();

    [GeneratedRegex(@"^-?[0-9.,]*[0-9][0-9.,]*\z")]
    private static partial Regex Digits();

    [GeneratedRegex(@"^-?[0-9]{1,3}((\.[0-9]{3})+|(,[0-9]{3})+)\z")]
    private static partial Regex Thousands();

    /// <summary>A file on its way, line by line.</summary>
    private sealed class Reading(string? source, string currency, DateOnly today)
    {
        private readonly List<StoredSpend> _rows = [];
        private readonly List<int> _lines = [];
        private readonly List<SpendCsvError> _errors = [];
        private readonly Dictionary<object, int> _seen = [];
        private Dictionary<string, int>? _columns;
        private int _width, _errorCount;
        private bool _lacksCurrency;

        public SpendFile File
        {
            get
            {
                if (_errorCount == 0 && _rows.Count == 0)
                    Error(0, "The file has no lines below its header.");
                return new(_rows, _lines, [.. _errors.OrderBy(e => e.Line)], _errorCount, _lacksCurrency);
            }
        }

        public void Error(int line, string message)
        {
            if (_errorCount++ < MostErrors)
                _errors.Add(new(line, message));
        }

        /// <summary>False when the header is of no use.</summary>
        public bool Take(int line, string[] fields)
        {
            if (_columns is null)
                return TakeHeader(line, fields);
            if (fields.Length != _width)
                Error(line, $"The line has {fields.Length} fields, the header {_width}.");
            else if (RowOf(line, fields) is { } row)
            {
                var key = (row.Day, row.Platform, row.Medium, row.AccountId, row.Row.Campaign, row.Row.Group, row.Row.Ad, row.Currency);
                if (!_seen.TryAdd(key, line))
                    Error(line, $"The same day and campaign as line {_seen[key]}: add them up, or add a column (ad group, ad) that tells them apart.");
                _rows.Add(row);
                _lines.Add(line);
            }
            return true;
        }

        private bool TakeHeader(int line, string[] fields)
        {
            _columns = [];
            _width = fields.Length;
            for (var i = 0; i < fields.Length; i++)
            {
                var name = Brackets().Replace(fields[i], "").Trim().ToLowerInvariant();
                foreach (var (column, names) in Columns)
                    if ((names.Contains(name) || names.Contains(name.Replace('_', ' '))) && !_columns.TryAdd(column, i))
                        Error(line, $"Two columns hold the {column}: \"{Shown(fields[_columns[column]])}\" and \"{Shown(fields[i])}\".");
            }
            foreach (var needed in (string[])["date", "spend"])
                if (!_columns.ContainsKey(needed))
                    Error(line, $"There is no column {needed} ({string.Join(", ", Columns.First(c => c.Column == needed).Names.Take(3))}).");
            if (source is null && !_columns.ContainsKey("source"))
                Error(line, "There is no column source, and no source was named for the file.");
            return _errorCount == 0;
        }

        private StoredSpend? RowOf(int line, string[] fields)
        {
            var before = _errorCount;
            string Field(string column) => _columns!.TryGetValue(column, out var at) ? fields[at] : "";
            if (!DateOnly.TryParseExact(Field("date"), DateFormats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var day))
                Error(line, $"\"{Shown(Field("date"))}\" is no day that can be read in one way only; write 2026-11-21 or 21.11.2026.");
            else if (day > today.AddDays(1) || day.Year < 2000)
                Error(line, $"{day:yyyy-MM-dd} is {(day > today ? "in the future" : "too long ago")}.");
            var (spend, wrong) = Number(Field("spend"));
            if (wrong is not null)
                Error(line, Field("spend").Length == 0 ? "The spend is missing; write 0 where nothing was spent." : wrong);
            else if (spend < 0)
                Error(line, "The spend is negative.");
            var (impressions, clicks) = (CountOf(line, "impressions", Field("impressions")), CountOf(line, "clicks", Field("clicks")));
            var told = Field("currency");
            _lacksCurrency |= told.Length == 0;
            var code = told.Length == 0 ? currency : told.Length == 3 && told.All(char.IsAsciiLetter) ? told.ToUpperInvariant() : null;
            if (code is null)
                Error(line, $"\"{Shown(told)}\" is no currency code; write EUR or USD.");
            var platform = SpendSource.PlatformOf(Field("source")) ?? SpendSource.PlatformOf(source);
            if (platform is null)
                Error(line, "The source is missing.");
            foreach (var text in fields)
                if (text.Length > LongestText)
                    Error(line, $"\"{Shown(text)}\" is longer than {LongestText} characters.");
            if (_errorCount > before)
                return null;
            SpendName Named(string column) => new(Field(column + "_id"), Field(column) is { Length: > 0 } name ? name : Field(column + "_id"));
            return new StoredSpend(day, platform!, "csv", Field("account"), null, Field("medium").ToLowerInvariant(),
                new SpendRow(day, Named("campaign"), Named("group"), Named("ad"), impressions, clicks, spend!.Value), code!);
        }

        private long CountOf(int line, string column, string text)
        {
            if (text.Length == 0)
                return 0;
            // a count has no decimals, so its separators can only part thousands
            var bare = Spaces().Replace(text, "");
            if (Thousands().IsMatch(bare))
                bare = bare.Replace(".", "", StringComparison.Ordinal).Replace(",", "", StringComparison.Ordinal);
            if (long.TryParse(bare, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= 1_000_000_000_000)
                return count;
            Error(line, $"\"{Shown(text)}\" is no number of {column}.");
            return 0;
        }
    }

    // "Amount spent (EUR)": the unit is not part of the name
    [GeneratedRegex(@"\([^)]*\)")]
    private static partial Regex Brackets();
}
