using System.Globalization;
using ClarityTracking.Core.Data;
using ClarityTracking.Core.Tenancy;
using Microsoft.EntityFrameworkCore;

namespace ClarityTracking.Core.People;

/// <summary>Persons, read.</summary>
public sealed class PersonQueries(ClarityDb database, PersonTokens tokens, PersonWriter persons, LinkageKeys linkage)
{
    /// <summary>Most steps of a timeline.</summary>
    public const int MostSteps = 200;

    /// <summary>Persons of a website, the one that was first seen last first; with a search the ones that are known by it.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="websiteId">The website.</param>
    /// <param name="search">A whole email, phone number or visitor id; parts of one find nothing, since only keyed hashes are kept.</param>
    /// <param name="cursor">The last person of the page before.</param>
    /// <param name="limit">Rows.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Result<Page<PersonInfo>>> ListAsync(Caller caller, Guid websiteId, string? search, Guid? cursor, int limit, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        var website = found.Value;
        limit = Page.Clamp(limit);
        search = search?.Trim();
        Guid[]? only = null;
        if (!string.IsNullOrEmpty(search))
            only = await RootsAsync(db, website, tokens.OfTyped(websiteId, search, search, search, website.DefaultCountry), cancel);
        var rows = await RowsAsync(db, website, only, cursor, limit + 1, cancel);
        return Page.Of(rows.ConvertAll(r => InfoOf(website, r)), limit, p => p.Id);
    }

    /// <summary>One person with what they are known by, what became one with them, and their way. An id that was merged answers with the person it became.</summary>
    public async Task<Result<PersonInfo>> GetAsync(Caller caller, Guid websiteId, Guid personId, CancellationToken cancel)
    {
        await using var db = database.For(caller);
        var found = await db.WebsiteAsync(caller, websiteId, Role.Viewer, cancel);
        if (!found.IsOk)
            return found.Error;
        var website = found.Value;
        if (await GroupAsync(db, website, personId, cancel) is not { Length: > 0 } group || await RowsAsync(db, website, [group[0]], null, 1, cancel) is not [var row])
            return Error.NotFound("person");
        var ids = await IdsAsync(db, website, group, cancel);
        var shown = OpenAll(website, row);
        var steps = await StepsAsync(db, website, group, ids, cancel);
        var touches = steps.FindAll(s => s.Channel is not null);
        return InfoOf(website, row) with
        {
            Identifiers = ids.ConvertAll(i => new PersonIdentifier(KindOf(i), ValueOf(website, i, shown), i.Source, i.FirstSeenAt, i.LastSeenAt, i.Others >= PersonGraph.MostOthers)),
            Merges = await MergesAsync(db, website, group, cancel),
            Timeline = steps,
            FirstTouch = touches.Count == 0 ? null : touches[^1],
            LastTouch = touches.Find(t => t.Channel != Attribution.Touchpoints.Channel.Direct) ?? (touches.Count == 0 ? null : touches[0]),
        };
    }

    private sealed record PersonRow(Guid Id, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, long Conversions, decimal Value, int Members, string? Sealed);

    private sealed record IdRow(string Kind, string Token, string Source, DateTimeOffset FirstSeenAt, DateTimeOffset LastSeenAt, int Others);

    private sealed record StepRow(DateTimeOffset At, string Type, string Name, Guid Id, string? Channel, string? Campaign, string? Detail, decimal? Value, string? Currency);

    /// <summary>Persons that were not merged into another, each with what its whole group made.</summary>
    private static Task<List<PersonRow>> RowsAsync(ClarityDbContext db, Website website, Guid[]? only, Guid? cursor, int limit, CancellationToken cancel) => db.Database.SqlQuery<PersonRow>($"""
        SELECT p.id AS "Id", p.created_at AS "CreatedAt", p.last_seen_at AS "LastSeenAt", coalesce(made.conversions, 0) AS "Conversions", coalesce(made.value, 0) AS "Value",
               members.count AS "Members", members.sealed AS "Sealed"
          FROM (SELECT * FROM persons WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} AND merged_into IS NULL AND ({cursor}::uuid IS NULL OR id < {cursor})
                   AND ({only}::uuid[] IS NULL OR id = ANY ({only})) ORDER BY id DESC LIMIT {limit}) p
         CROSS JOIN LATERAL (
            WITH RECURSIVE of_group AS (
                SELECT p.id, p.personal_sealed, p.last_seen_at
                UNION SELECT m.id, m.personal_sealed, m.last_seen_at FROM of_group g JOIN persons m ON m.workspace_id = {website.WorkspaceId} AND m.merged_into = g.id)
            SELECT array_agg(id) AS ids, count(*)::int AS count, string_agg(id || ' ' || translate(encode(personal_sealed, 'base64'), E'\n', ''), '|' ORDER BY id <> p.id, id) AS sealed
              FROM of_group) members
          LEFT JOIN LATERAL (
            SELECT count(*) FILTER (WHERE c.status IN ('pending', 'confirmed', 'paid', 'completed')) AS conversions,
                   sum(greatest(coalesce(c.value, 0) - c.refunded, 0)) FILTER (WHERE c.status IN ('confirmed', 'paid', 'completed') AND coalesce(c.currency, {website.Currency}) = {website.Currency}) AS value
              FROM conversions c WHERE c.workspace_id = {website.WorkspaceId} AND c.person_id = ANY (members.ids) AND NOT c.is_test) made ON true
         ORDER BY p.id DESC
        """).ToListAsync(cancel);

    /// <summary>The persons that are known by any of these, as what they were merged into.</summary>
    private static async Task<Guid[]> RootsAsync(ClarityDbContext db, Website website, IReadOnlyList<PersonToken> known, CancellationToken cancel)
    {
        var (kinds, values) = (known.Select(t => t.Kind.Word()).ToArray(), known.Select(t => t.Value).ToArray());
        return [.. await db.Database.SqlQuery<Guid>($"""
            WITH RECURSIVE up AS (
                SELECT p.id, p.merged_into FROM unnest({kinds}, {values}) AS w(kind, token)
                  JOIN person_ids i ON i.workspace_id = {website.WorkspaceId} AND i.website_id = {website.Id} AND i.kind = w.kind AND i.token = w.token
                  JOIN persons p ON p.workspace_id = i.workspace_id AND p.id = i.person_id
                UNION SELECT p.id, p.merged_into FROM up JOIN persons p ON p.workspace_id = {website.WorkspaceId} AND p.id = up.merged_into)
            SELECT DISTINCT id AS "Value" FROM up WHERE merged_into IS NULL
            """).ToListAsync(cancel)];
    }

    /// <summary>A person and all that are one with it, what they became first.</summary>
    internal static async Task<Guid[]> GroupAsync(ClarityDbContext db, Website website, Guid personId, CancellationToken cancel) => [.. await db.Database.SqlQuery<Guid>($"""
        WITH RECURSIVE up AS (
            SELECT id, merged_into FROM persons WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} AND id = {personId}
            UNION SELECT p.id, p.merged_into FROM up JOIN persons p ON p.workspace_id = {website.WorkspaceId} AND p.id = up.merged_into),
        of_group AS (
            SELECT id, 0 AS depth FROM up WHERE merged_into IS NULL
            UNION SELECT p.id, g.depth + 1 FROM of_group g JOIN persons p ON p.workspace_id = {website.WorkspaceId} AND p.merged_into = g.id)
        SELECT id AS "Value" FROM of_group ORDER BY depth, id
        """).ToListAsync(cancel)];

    private static Task<List<IdRow>> IdsAsync(ClarityDbContext db, Website website, Guid[] group, CancellationToken cancel) => db.Database.SqlQuery<IdRow>($"""
        SELECT kind AS "Kind", token AS "Token", source AS "Source", first_seen_at AS "FirstSeenAt", last_seen_at AS "LastSeenAt", cardinality(others) AS "Others" FROM person_ids
         WHERE workspace_id = {website.WorkspaceId} AND person_id = ANY ({group}) AND (kind <> 'email' OR (token::bigint >> 60 & 15) = {(int)KeyKind.Email})
         ORDER BY array_position(ARRAY['external', 'email', 'phone', 'visitor', 'click'], kind), first_seen_at LIMIT 200
        """).ToListAsync(cancel);

    private static async Task<IReadOnlyList<PersonMerge>> MergesAsync(ClarityDbContext db, Website website, Guid[] group, CancellationToken cancel) => await db.Database.SqlQuery<PersonMerge>($"""
        SELECT id AS "Id", kept_id AS "KeptId", merged_id AS "MergedId", kind AS "Kind", confidence AS "Confidence", source_id AS "SourceId", merged_at AS "MergedAt", undone_at AS "UndoneAt"
          FROM person_merges WHERE workspace_id = {website.WorkspaceId} AND (kept_id = ANY ({group}) OR merged_id = ANY ({group})) ORDER BY merged_at DESC, id DESC LIMIT 100
        """).ToListAsync(cancel);

    /// <summary>Touchpoints of their browsers, what they booked and bought, and the events between that say something.</summary>
    private static async Task<List<PersonStep>> StepsAsync(ClarityDbContext db, Website website, Guid[] group, List<IdRow> ids, CancellationToken cancel)
    {
        string[] visitors = [.. ids.Where(i => i.Kind == "visitor" && i.Others < PersonGraph.MostOthers).Select(i => i.Token)];
        string[] telling = ["view_content", "add_to_cart", "initiate_checkout", "search", "goal"];
        var rows = await db.Database.SqlQuery<StepRow>($"""
            SELECT * FROM (
                (SELECT occurred_at AS "At", 'touchpoint' AS "Type", kind AS "Name", id AS "Id", channel AS "Channel", campaign AS "Campaign", landing AS "Detail", NULL::numeric AS "Value", NULL AS "Currency"
                   FROM touchpoints WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} AND profile = ANY ({visitors}) ORDER BY occurred_at DESC LIMIT {MostSteps})
                UNION ALL
                (SELECT occurred_at, 'conversion', kind, id, NULL, NULL, concat_ws(' ', coalesce(number, sender_id), status), greatest(coalesce(value, 0) - refunded, 0), currency
                   FROM conversions WHERE workspace_id = {website.WorkspaceId} AND person_id = ANY ({group}) ORDER BY occurred_at DESC LIMIT {MostSteps})
                UNION ALL
                (SELECT occurred_at, 'event', name, id, NULL, NULL, NULL, value, currency
                   FROM events WHERE workspace_id = {website.WorkspaceId} AND website_id = {website.Id} AND visitor_id = ANY ({visitors}) AND name = ANY ({telling}) ORDER BY id DESC LIMIT {MostSteps})
            ) steps ORDER BY "At" DESC, "Id" DESC LIMIT {MostSteps}
            """).ToListAsync(cancel);
        return rows.ConvertAll(r => new PersonStep(r.At, r.Type, r.Name, r.Id, r.Channel, r.Campaign, r.Detail, r.Value, r.Currency));
    }

    private PersonInfo InfoOf(Website website, PersonRow row)
    {
        var shown = OpenAll(website, row);
        return new PersonInfo(row.Id, Masked.Name(shown.Name), Masked.Email(shown.Email), Masked.Phone(shown.Phone), row.CreatedAt, row.LastSeenAt, row.Conversions, row.Value, website.Currency, row.Members - 1);
    }

    /// <summary>The person's own first, then what the merged ones add.</summary>
    private PersonShown OpenAll(Website website, PersonRow row) => (row.Sealed ?? "").Split('|', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split(' '))
        .Aggregate(PersonShown.Nothing, (shown, s) => shown.Over(persons.Open(website.WorkspaceId, Guid.Parse(s[0]), Convert.FromBase64String(s[1]))));

    private static PersonIdKind KindOf(IdRow row) => EnumText.Parse<PersonIdKind>(row.Kind)!.Value;

    /// <summary>Only the newest address and number are kept readable; of others there is the hash alone.</summary>
    private string? ValueOf(Website website, IdRow row, PersonShown shown)
    {
        bool Is(KeyKind kind, string? value) => value is not null && linkage.Key(website.Id, kind, value).ToString(CultureInfo.InvariantCulture) == row.Token;
        return KindOf(row) switch
        {
            PersonIdKind.Visitor => Masked.Id(row.Token),
            PersonIdKind.Email when Is(KeyKind.Email, shown.Email) => Masked.Email(shown.Email),
            PersonIdKind.Phone when Is(KeyKind.Phone, shown.Phone) => Masked.Phone(shown.Phone),
            _ => null,
        };
    }
}
