using ClarityTracking.Core;
using ClarityTracking.Core.Spend;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ClarityTracking.Web.Endpoints;

/// <summary>Ad spend: reports, imports, and files for platforms that are not connected.</summary>
public static class SpendEndpoints
{
    public static void MapSpend(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/websites/{id:guid}/spend").WithTags("Spend");
        group.MapGet("", ReportAsync);
        group.MapGet("/imports", ImportsAsync);
        group.MapGet("/connections", OriginsAsync);
        group.MapPost("/connections/{cid:guid}/import", BackfillAsync);
        group.MapPost("/csv", UploadAsync); // without Accepts: routing would refuse the type before the website is looked up
        group.MapGet("/csv/example", ExampleAsync);
    }

    internal static async Task<Results<Ok<SpendReport>, ProblemHttpResult>> ReportAsync(Guid id, Caller caller, SpendQueries spend, CancellationToken cancel,
        DateOnly? from = null, DateOnly? to = null, string? by = null) => (await spend.ReportAsync(caller, id, from, to, by, cancel)).Ok();

    internal static async Task<Results<Ok<Page<SpendImport>>, ProblemHttpResult>> ImportsAsync(Guid id, Caller caller, SpendImports imports, CancellationToken cancel,
        Guid? cursor = null, int limit = Page.DefaultLimit) => (await imports.ListAsync(caller, id, cursor, limit, cancel)).Ok();

    internal static async Task<Results<Ok<Page<SpendOrigin>>, ProblemHttpResult>> OriginsAsync(Guid id, Caller caller, SpendImports imports, CancellationToken cancel) =>
        (await imports.OriginsAsync(caller, id, cancel)).Whole();

    /// <summary>Queues an import of the last <c>days</c> days; it begins within a minute.</summary>
    internal static async Task<Results<Created<SpendImport>, ProblemHttpResult>> BackfillAsync(Guid id, Guid cid, SpendBackfillOrder order, Caller caller, SpendImports imports, CancellationToken cancel) =>
        (await imports.BackfillAsync(caller, id, cid, order.Days ?? SpendImporter.DaysAgain, cancel)).Created(made => made, _ => $"/api/websites/{id}/spend/imports");

    /// <summary>Takes a CSV file of at most 5 MiB, UTF-8. <c>dryRun</c> only says what would happen.</summary>
    internal static async Task<Results<Ok<SpendUploaded>, ProblemHttpResult>> UploadAsync(Guid id, HttpContext http, Caller caller, SpendUpload upload,
        bool dryRun = false, string? source = null, string? currency = null) =>
        (await upload.TakeAsync(caller, id, () => FileAsync(http), new SpendUploadOptions(dryRun, source, currency), http.RequestAborted)) switch
        {
            { IsOk: true } taken => TypedResults.Ok(taken.Value),
            { Error.Code: "file_too_large" } refused => Problems.Of(413, refused.Error.Code, refused.Error.Message),
            { Error.Code: "not_csv" } refused => Problems.Of(415, refused.Error.Code, refused.Error.Message),
            var refused => Problems.From(refused.Error!),
        };

    /// <summary>A file that shows all columns.</summary>
    internal static async Task<IResult> ExampleAsync(Guid id, Caller caller, WebsiteService websites, CancellationToken cancel)
    {
        var website = await websites.GetAsync(caller, id, cancel);
        return website.IsOk ? Results.File(System.Text.Encoding.UTF8.GetBytes(SpendUpload.Example), "text/csv; charset=utf-8", "ad-spend-example.csv") : Problems.From(website.Error);
    }

    private static async Task<Result<byte[]>> FileAsync(HttpContext http)
    {
        if (http.Request.ContentType is not { } type || !type.StartsWith("text/csv", StringComparison.OrdinalIgnoreCase))
            return new Error(ErrorKind.Invalid, "not_csv", "Send the file as text/csv.", []);
        try
        {
            using var body = await RequestBody.ReadAsync(http.Request, SpendUpload.LargestFile, http.RequestAborted);
            return body is null ? new Error(ErrorKind.Invalid, "file_too_large", "The file is larger than 5 MiB; split it by days.", []) : body.Bytes.ToArray();
        }
        catch (InvalidDataException)
        {
            return new Error(ErrorKind.Invalid, "not_csv", "The packed file is damaged.", []);
        }
    }
}

/// <summary>What to import anew.</summary>
/// <param name="Days">The last days, yesterday (UTC) included; null = 7.</param>
public sealed record SpendBackfillOrder(int? Days);
