using System.Globalization;
using System.Text;
using ClarityTracking.Core.Data;

namespace ClarityTracking.Core.Health.Ledger;

/// <summary>
/// A ledger as a file: RFC 4180, UTF-8 with a byte order mark (without it Excel takes it for something else). Texts that a spreadsheet would run as a
/// formula get an apostrophe before them (OWASP, CSV injection).
/// </summary>
public static class LedgerCsv
{
    private static readonly string[] Columns =
        ["id", "kind", "number", "sender_id", "name", "source", "status", "test", "occurred_at", "value", "currency", "refunded", "state", "cause"];

    /// <summary>Writes all of it, row by row.</summary>
    public static async Task WriteAsync(LedgerRows rows, Stream to, CancellationToken cancel)
    {
        await using var writer = new StreamWriter(to, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true), 32 * 1024, leaveOpen: true) { NewLine = "\r\n" };
        await writer.WriteLineAsync(Line([.. Columns, .. rows.Destinations.SelectMany(d => new[] { $"{d.Name}: state", $"{d.Name}: cause", $"{d.Name}: event", $"{d.Name}: delivery" })]).AsMemory(), cancel);
        await foreach (var item in rows.Items.WithCancellation(cancel))
            await writer.WriteLineAsync(Line([item.Id.ToString(), item.Kind, item.Number, item.SenderId, item.Name, item.Source, item.Status?.Word(), item.IsTest ? "true" : "false",
                item.OccurredAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture), Number(item.Value), item.Currency, Number(item.Refunded), item.State.Word(), item.Cause,
                .. item.Destinations.SelectMany(d => new[] { d.State.Word(), d.Cause, d.EventId?.ToString(), d.DeliveryId?.ToString() })]).AsMemory(), cancel);
    }

    private static string? Number(decimal? value) => value?.ToString(CultureInfo.InvariantCulture);

    private static string Line(IEnumerable<string?> fields) => string.Join(',', fields.Select(Field));

    internal static string Field(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return "";
        if (text[0] is '=' or '+' or '@' or '\t' or '\r' or '\n' || (text[0] == '-' && !decimal.TryParse(text, NumberStyles.Number, CultureInfo.InvariantCulture, out _)))
            text = "'" + text;
        return text.AsSpan().IndexOfAny(",\"\r\n") >= 0 ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
    }
}
