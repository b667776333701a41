using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClarityTracking.Core.Destinations.GoogleSheets;

/// <summary>Reads what a Google Sheets connection needs.</summary>
static partial class GoogleSheetsSettings
{
    const string Begin = "-----BEGIN PRIVATE KEY-----", End = "-----END PRIVATE KEY-----";

    internal static readonly ConnectionField[] Fields =
    [
        new("spreadsheet_id", "Spreadsheet ID", "In the spreadsheet's address, between /d/ and /edit. Share the spreadsheet with the service account as an editor.", IsSecret: false, IsRequired: true,
            Shape: SpreadsheetId(), Wanted: "Must be the part of the spreadsheet's address between /d/ and /edit."),
        new("sheet", "Sheet", "Name of the tab; leave empty for the first.", IsSecret: false, IsRequired: false,
            Shape: Sheet(), Wanted: "Must be a tab's name, at most 100 characters."),
        new("client_email", "Service account", "client_email of the service account's key file (Google Cloud > IAM > Service accounts > Keys).", IsSecret: true, IsRequired: true,
            Shape: Email(), Wanted: "Must be the service account's address, such as name@project.iam.gserviceaccount.com."),
        new("private_key", "Private key", "private_key of the same file, with its BEGIN and END.", IsSecret: true, IsRequired: true,
            Shape: Pem(), Wanted: $"Must begin with {Begin} and end with {End}."),
        SettingsCheck.EventsField("scroll = off"),
    ];

    /// <summary>The first cell of the range that rows are added under; a tab's name is quoted, so that any name will do.</summary>
    internal static string Range(JsonElement settings) =>
        ConnectionJson.Text(settings, "sheet") is { } sheet ? $"'{sheet.Replace("'", "''", StringComparison.Ordinal)}'!A1" : "A1";

    /// <summary>The key as a PEM reader wants it: key files write line breaks as \n, and one-line inputs swallow real ones. Null when there is none.</summary>
    internal static string? PrivateKey(JsonElement credentials)
    {
        var text = (ConnectionJson.Text(credentials, "private_key") ?? "").Replace("\\n", "\n", StringComparison.Ordinal).Trim();
        if (!text.StartsWith(Begin, StringComparison.Ordinal) || !text.EndsWith(End, StringComparison.Ordinal))
            return null;
        var base64 = string.Concat(text[Begin.Length..^End.Length].Where(c => !char.IsWhiteSpace(c)));
        return $"{Begin}\n{base64}\n{End}";
    }

    [GeneratedRegex(@"^[A-Za-z0-9_-]{20,100}\z")]
    private static partial Regex SpreadsheetId();

    [GeneratedRegex(@"^[^\p{C}]{1,100}\z")]
    private static partial Regex Sheet();

    [GeneratedRegex(@"^[a-zA-Z0-9._-]{1,100}@[a-z0-9.-]{3,150}\z")]
    private static partial Regex Email();

    [GeneratedRegex($@"^{Begin}[A-Za-z0-9+/=\s\\]{{100,8000}}{End}(\\n)*\z")]
    private static partial Regex Pem();
}
