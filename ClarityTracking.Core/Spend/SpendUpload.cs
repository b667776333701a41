using ClarityTracking.Core.Data;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ClarityTracking.Core.Spend;

/// <summary>How a file is to be taken.</summary>
/// <param name="DryRun">Only say what would happen.</param>
/// <param name="Source">For lines without a source.</param>
/// <param name="Currency">For lines without a currency; null = the website's.</param>
public sealed record SpendUploadOptions(bool DryRun, string? Source = null, string? Currency = null);

/// <summary>An amount in its currency.</summary>
public sealed record SpendSum(string Currency, decimal Spend);

/// <summary>A line of a file as it was understood.</summary>
public sealed record SpendPreviewRow(int Line, DateOnly Day, string Platform, string Campaign, long Impressions, long Clicks, decimal Spend, string Currency);

/// <summary>What a file holds, and what became of it.</summary>
/// <param name="DryRun">Nothing was stored.</param>
/// <param name="Rows">Its lines.</param>
/// <param name="From">First day; null without rows.</param>
/// <param name="To">Last day.</param>
/// <param name="Sums">What it adds up to, by currency.</param>
/// <param name="Replaces">Rows of earlier uploads it replaces: all of the same days and sources.</param>
/// <param name="AssumedCurrency">The currency that lines without one took; null = all name theirs.</param>
/// <param name="Errors">The first of them by line; with any, nothing is stored.</param>
/// <param name="ErrorCount">How many there are.</param>
/// <param name="Preview">The first lines.</param>
public sealed record SpendUploaded(bool DryRun, int Rows, DateOnly? From, DateOnly? To, IReadOnlyList<SpendSum> Sums, long Replaces, string? AssumedCurrency,
    IReadOnlyList<SpendCsvError> Errors, int ErrorCount, IReadOnlyList<SpendPreviewRow> Preview);

/// <summary>Takes spend from a file: all of it or nothing. The days and sources of a file replace what an earlier file said of them.</summary>
public sealed class SpendUpload(ClarityDb database, TimeProvider clock)
{
    /// <summary>Largest file, bytes.</summary>
    public const int LargestFile = 5 * 1024 * 1024;

    /// <summary>A file that shows all columns.</summary>
    public static string Example => SpendCsv.Example;

    private const int PreviewRows = 10;

    /// <summary>Reads a file and, unless it is a dry run, stores it. With errors a dry run tells them all the same; else they are the refusal.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="websiteId">Website.</param>
    /// <param name="file">Gives the file's bytes; asked only when the caller may upload. A refusal ends it.</param>
    /// <param name="options">How.</param>
    /// <param name="cancel">Cancels before it is stored.</param>
    public async Task<Result<SpendUploaded>> TakeAsync(Caller caller, Guid websiteId, Func<Task<Result<byte[]>>> file, SpendUploadOptions options, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var website = await db.WebsiteAsync(caller, websiteId, Role.Analyst, cancel);
        if (!website.IsOk)
            return website.Error;
        var bytes = await file();
        if (!bytes.IsOk)
            return bytes.Error;
        var currency = website.Value.Currency;
        if (options.Currency is { Length: > 0 } wanted)
        {
            if (wanted.Length != 3 || CurrencyCode.Read(wanted) is not { } code)
                return Error.Invalid(new FieldError("currency", "currency must be a code such as EUR."));
            currency = code;
        }
        var now = clock.GetUtcNow();
        var read = SpendCsv.Read(bytes.Value, options.Source, currency, DateOnly.FromDateTime(now.UtcDateTime));
        await db.Database.OpenConnectionAsync(cancel);
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await SpendRows.LockAsync(connection, websiteId, cancel);
        if (read.ErrorCount == 0)
            read = await WithoutImportedAsync(connection, website.Value, read, cancel);
        var scope = read.Rows.Select(r => (r.Day, r.Platform)).Distinct().ToList();
        var replaced = read.ErrorCount > 0 ? 0 : await ForgetAsync(connection, website.Value, scope, cancel);
        var result = new SpendUploaded(options.DryRun, read.Rows.Count, read.Rows.Count == 0 ? null : read.Rows.Min(r => r.Day), read.Rows.Count == 0 ? null : read.Rows.Max(r => r.Day),
            [.. read.Rows.GroupBy(r => r.Currency).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => new SpendSum(g.Key, g.Sum(r => r.Row.Spend)))], replaced,
            read.LacksCurrency ? currency : null, read.Errors, read.ErrorCount,
            [.. read.Rows.Zip(read.Lines).Take(PreviewRows).Select(r => new SpendPreviewRow(r.Second, r.First.Day, r.First.Platform, r.First.Row.Campaign.Name, r.First.Row.Impressions,
                r.First.Row.Clicks, r.First.Row.Spend, r.First.Currency))]);
        if (options.DryRun)
            return result; // the transaction ends without a trace
        if (read.ErrorCount > 0)
            return new Error(ErrorKind.Invalid, "csv_invalid", $"{read.ErrorCount} {(read.ErrorCount == 1 ? "error" : "errors")}; nothing was stored.",
                [.. read.Errors.Select(e => new FieldError(e.Line == 0 ? "file" : $"line {e.Line}", e.Message))]);
        await SpendRows.InsertAsync(connection, website.Value.WorkspaceId, websiteId, read.Rows, now, cancel);
        await using (var insert = Command(connection, """
            INSERT INTO spend_imports (workspace_id, website_id, id, kind, due_day, from_day, to_day, next_day, status, row_count, not_before, created_by, created_at, finished_at)
            VALUES ($1, $2, $3, 'csv', $4, $5, $6, $7, 'done', $8, $9, $10, $9, $9)
            """, website.Value.WorkspaceId, websiteId, Guid.CreateVersion7(now), DateOnly.FromDateTime(now.UtcDateTime), result.From!, result.To!, result.To!.Value.AddDays(1),
            (long)result.Rows, now, caller.Label))
            await insert.ExecuteNonQueryAsync(cancel);
        await transaction.CommitAsync(cancel);
        db.Audit(website.Value.WorkspaceId, caller, "spend.uploaded", $"website {websiteId}", $"{result.Rows} rows", now);
        await db.SaveChangesAsync(cancel);
        return result;
    }

    /// <summary>Refuses lines of days that a connection tells already: they would count twice.</summary>
    private static async Task<SpendFile> WithoutImportedAsync(NpgsqlConnection connection, Website website, SpendFile read, CancellationToken cancel)
    {
        var imported = new HashSet<(DateOnly, string, string)>();
        await using (var command = Command(connection, """
            SELECT DISTINCT day, platform, account_id FROM ad_spend
             WHERE workspace_id = $1 AND website_id = $2 AND origin = 'api' AND day BETWEEN $3 AND $4 AND platform = ANY ($5)
            """, website.WorkspaceId, website.Id, read.Rows.Min(r => r.Day), read.Rows.Max(r => r.Day), read.Rows.Select(r => r.Platform).Distinct().ToArray()))
        await using (var reader = await command.ExecuteReaderAsync(cancel))
            while (await reader.ReadAsync(cancel))
            {
                imported.Add((reader.GetFieldValue<DateOnly>(0), reader.GetString(1), reader.GetString(2)));
                imported.Add((reader.GetFieldValue<DateOnly>(0), reader.GetString(1), ""));
            }
        var twice = read.Rows.Zip(read.Lines).Where(r => imported.Contains((r.First.Day, r.First.Platform, r.First.AccountId))).ToList();
        return twice.Count == 0 ? read : read with
        {
            ErrorCount = twice.Count,
            Errors = [.. twice.Take(SpendCsv.MostErrors).Select(r => new SpendCsvError(r.Second,
                $"{r.First.Day:yyyy-MM-dd} of {r.First.Platform} is imported by a connection already and would count twice; leave the line out, or name another account in a column account."))],
        };
    }

    private static async Task<long> ForgetAsync(NpgsqlConnection connection, Website website, List<(DateOnly Day, string Platform)> scope, CancellationToken cancel)
    {
        await using var command = Command(connection, """
            DELETE FROM ad_spend WHERE workspace_id = $1 AND website_id = $2 AND origin = 'csv' AND (day, platform) IN (SELECT * FROM unnest($3, $4))
            """, website.WorkspaceId, website.Id, scope.Select(s => s.Day).ToArray(), scope.Select(s => s.Platform).ToArray());
        return await command.ExecuteNonQueryAsync(cancel);
    }

    private static NpgsqlCommand Command(NpgsqlConnection to, string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlCommand(sql, to);
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }
}
