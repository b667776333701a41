#:sdk Microsoft.NET.Sdk.Web
#:project ../ClarityTracking.Core
#:property PublishAot=false
#:property RestorePackagesWithLockFile=false

// How long it takes to match one booking against a million touchpoints in PostgreSQL: all of MatchWorker's work for it, over one connection, answer written.
//   dotnet run -c Release bench/matching-latency.cs -- "Host=…;Database=…" [touchpoints, default 1000000]
// The database is one that the app has migrated; the run adds a workspace of its own. bench/run matching-latency starts such an app.
using System.Diagnostics;
using System.Globalization;
using ClarityTracking.Core;
using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.People;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NpgsqlTypes;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var (connectionString, count) = (args[0], args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 1_000_000);
const int Bookings = 2000;
var masterKey = new byte[32];
var services = new ServiceCollection();
services.AddSingleton<IConfiguration>(new ConfigurationBuilder().Build()).AddLogging().AddHttpClient().AddClarityCore(connectionString, masterKey, NodeRoles.Web);
#pragma warning disable ASP0000 // there is no other container here
await using var provider = services.BuildServiceProvider();
#pragma warning restore ASP0000
var (keys, protector, worker, linkage) = (provider.GetRequiredService<LinkageKeys>(), provider.GetRequiredService<SecretProtector>(), provider.GetRequiredService<MatchWorker>(), provider.GetRequiredService<ConversionLinkage>());
await using var connection = await provider.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync();

var random = new Random(20261);
var (workspace, website, now) = (Guid.CreateVersion7(), Guid.CreateVersion7(), DateTimeOffset.UtcNow);
await RunAsync($"INSERT INTO workspaces (id, name, is_demo, created_at) VALUES ('{workspace}', 'Bench', false, now())");
await RunAsync($"INSERT INTO websites (workspace_id, id, name, domain, currency, time_zone, default_country, privacy_mode, script_alias, former_script_aliases, created_at) VALUES ('{workspace}', '{website}', 'Bench', 'bench.example.com', 'USD', 'UTC', 'US', false, 'bench-latency', '{{}}', now())");

// People with names, addresses and numbers; two visits and a half each, one in four says who it is; mobile carriers' addresses are shared by thousands.
string[] syllables = ["ka", "ro", "mi", "len", "dor", "sa", "vi", "tan", "bel", "nor", "ga", "shi", "per", "lo", "wen", "du"];
string Word(int parts) => string.Concat(Enumerable.Range(0, parts).Select(_ => syllables[(int)(random.NextDouble() * random.NextDouble() * syllables.Length)]));
var people = Enumerable.Range(0, count * 2 / 5).Select(i => (Given: Word(2), Surname: Word(3), Email: $"{Word(2)}{i}@example.com", Phone: $"512{2_000_000 + i:D7}",
    Ip: i % 3 == 0 ? $"172.16.{random.Next(4)}.{random.Next(250)}" : $"73.{i / 62500}.{i / 250 % 250}.{i % 250}", Visitor: $"v-{i:x8}-{Guid.NewGuid():N}")).ToArray();
var touches = Enumerable.Range(0, count).Select(_ =>
{
    var (who, at) = (random.Next(people.Length), now.AddSeconds(-random.Next(120 * 86_400)));
    var (p, id, isNamed) = (people[who], Guid.CreateVersion7(at), random.Next(4) == 0);
    var person = isNamed ? TouchpointPerson.Of([$"{p.Given} {p.Surname}"], [p.Email], [p.Phone], p.Ip, [], "US") : TouchpointPerson.Of([], [], [], p.Ip, [], "US");
    return (Id: id, At: at, p.Visitor, isNamed, Person: person, Keys: keys.Of(website, new Identity(p.Visitor, [], person)));
}).ToArray();
var clock = Stopwatch.StartNew();
await using (var copy = await connection.BeginBinaryImportAsync("COPY touchpoints (workspace_id, website_id, id, event_id, occurred_at, kind, profile, visitor_id, channel, device, os, browser, personal_sealed, keys) FROM STDIN (FORMAT binary)"))
{
    foreach (var t in touches)
    {
        await copy.StartRowAsync();
        await copy.WriteAsync(workspace);
        await copy.WriteAsync(website);
        await copy.WriteAsync(t.Id);
        await copy.WriteAsync(t.Id.ToString());
        await copy.WriteAsync(t.At.UtcDateTime, NpgsqlDbType.TimestampTz);
        await copy.WriteAsync(t.isNamed ? "lead" : "visit");
        await copy.WriteAsync(t.Visitor);
        await copy.WriteAsync(t.Visitor);
        if (t.isNamed)
            await copy.WriteNullAsync();
        else
            await copy.WriteAsync("google_cpc");
        await copy.WriteAsync("mobile");
        await copy.WriteAsync("ios");
        await copy.WriteAsync("safari");
        await copy.WriteAsync(t.Person.Seal(protector, workspace, t.Id));
        await copy.WriteAsync(t.Keys.ToArray());
    }
    await copy.CompleteAsync();
}
await using (var copy = await connection.BeginBinaryImportAsync("COPY touchpoint_keys (workspace_id, website_id, key, occurred_at, touchpoint_id) FROM STDIN (FORMAT binary)"))
{
    foreach (var (key, t) in touches.SelectMany(t => t.Keys.Select(k => (k, t))))
    {
        await copy.StartRowAsync();
        await copy.WriteAsync(workspace);
        await copy.WriteAsync(website);
        await copy.WriteAsync(key);
        await copy.WriteAsync(t.At.UtcDateTime, NpgsqlDbType.TimestampTz);
        await copy.WriteAsync(t.Id);
    }
    await copy.CompleteAsync();
}
var bookings = new List<Guid>();
foreach (var i in Enumerable.Range(0, Bookings))
{
    var (p, id, at) = (people[random.Next(people.Length)], Guid.CreateVersion7(), now.AddMinutes(-random.Next(20_000)));
    await RunAsync($"INSERT INTO conversions (workspace_id, website_id, id, source, kind, sender_id, status, occurred_at, told_at, updated_at) VALUES ('{workspace}', '{website}', '{id}', 'generic', 'booking', 'K{i}', 'confirmed', '{at:O}', now(), now())");
    // half of them on the website, where browser and address are known
    await linkage.WriteAsync(connection, workspace, website, id, at, new Identity(i % 2 == 0 ? p.Visitor : null, [], TouchpointPerson.Of([$"{p.Given} {p.Surname}"], [p.Email], [p.Phone], i % 2 == 0 ? p.Ip : null, [], "US")), default);
    bookings.Add(id);
}
await RunAsync("VACUUM ANALYZE touchpoints, touchpoint_keys, conversions, conversion_keys");
Console.WriteLine($"{count:N0} touchpoints with {touches.Sum(t => (long)t.Keys.Count):N0} keys and {Bookings:N0} bookings written in {clock.Elapsed.TotalSeconds:N0} s");

var (times, named) = (new List<double>(), 0);
foreach (var (id, i) in bookings.Select((id, i) => (id, i)))
{
    var started = Stopwatch.GetTimestamp();
    var answer = await worker.MatchAsync(connection, new MatchWorker.Waiting(workspace, website, id, 1, now), default);
    if (i < 200)
        continue; // just-in-time compilation, cold pages
    times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    named += answer?.Touch is null ? 0 : 1;
}
times.Sort();
Console.WriteLine($"one booking against {count:N0} touchpoints: p50 {times[times.Count / 2]:N1} ms, p95 {times[times.Count * 95 / 100]:N1} ms, p99 {times[times.Count * 99 / 100]:N1} ms, at most {times[^1]:N1} ms; {named} of {times.Count} named a touchpoint");

async Task RunAsync(string sql)
{
    await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 600 };
    await command.ExecuteNonQueryAsync();
}
