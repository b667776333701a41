#:sdk Microsoft.NET.Sdk.Web
#:project ../ClarityTracking.Core
#:property PublishAot=false
#:property RestorePackagesWithLockFile=false

// Learns what ships as the default model of matching, and answers a set without the product around it.
//   dotnet run -c Release bench/matching.cs -- train MODEL.json NAME WEIGHTS_DIR... -- CURVES_DIR...
//   dotnet run -c Release bench/matching.cs -- predict DIR PREDICTIONS.jsonl [MODEL.json]
// A set is what bench/matching/simulate.py writes; owners.jsonl says whose each touchpoint is and is read by train alone.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Attribution.Matching;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.People;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case ["train", var file, var name, .. var dirs]:
        var split = Array.IndexOf(dirs, "--");
        File.WriteAllText(file, Learning.Learn(name, [.. dirs[..split].Select(d => new MatchSet(d))], [.. dirs[(split + 1)..].Select(d => new MatchSet(d))]).ToJson());
        break;
    case ["predict", var dir, var output, .. var model]:
        Predict(new MatchSet(dir), output, model is [var path] ? Read(path) : MatchModel.Default);
        break;
    default:
        Console.Error.WriteLine("usage: train MODEL.json NAME DIR... -- DIR... | predict DIR PREDICTIONS.jsonl [MODEL.json]");
        return 2;
}
return 0;

static MatchModel Read(string path) => JsonSerializer.Deserialize<MatchModel>(File.ReadAllText(path), new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower })!;

static void Predict(MatchSet set, string output, MatchModel model)
{
    var clock = Stopwatch.StartNew();
    using var writer = new StreamWriter(output);
    foreach (var booking in set.Bookings)
    {
        var answer = Matcher.Answer(booking.Subject, set.CandidatesOf(booking), set.StatisticsOf(booking), model);
        writer.WriteLine(JsonSerializer.Serialize(new
        {
            booking_id = booking.Name,
            tp_id = answer.Touch is { } touch ? set.NameOf[touch.Id] : null,
            confidence = answer.Confidence,
            matches = answer.Touches.Where(t => t.Touch.EarnsCredit && Math.Floor((booking.Subject.At - t.Touch.At).TotalDays) <= Matcher.WindowDays).Select(t => new { tp_id = set.NameOf[t.Touch.Id], confidence = t.Confidence }),
        }));
    }
    Console.WriteLine($"{set.Bookings.Count} bookings in {clock.Elapsed.TotalSeconds:N1} s");
}

sealed record Booking(string Name, Guid Website, MatchSubject Subject, string? PersonId, string? LastTouch);

/// <summary>A set in memory, with an index as the database has it.</summary>
sealed class MatchSet
{
    private static readonly SecretProtector Protector = new(new byte[32]);
    private static readonly LinkageKeys Keys = new(Protector);
    private readonly Dictionary<(Guid, long), List<MatchTouch>> _byKey = [];
    private readonly Dictionary<(Guid, string), List<MatchTouch>> _byProfile = [];
    private readonly Dictionary<(Guid, long), HashSet<long>> _surnamesOf = [];
    private readonly Dictionary<(Guid, long), int> _bookingsOf = [];
    private readonly Dictionary<Guid, int> _bookingsOfWebsite = [];

    public MatchSet(string dir)
    {
        var owners = File.Exists(Path.Combine(dir, "owners.jsonl")) ? File.ReadLines(Path.Combine(dir, "owners.jsonl")).Select(l => JsonSerializer.Deserialize<string[]>(l)!).ToDictionary(p => p[0], p => p[1]) : [];
        var truth = File.ReadLines(Path.Combine(dir, "truth.jsonl")).Select(l => JsonElement.Parse(l)).ToDictionary(t => Text(t, "booking_id")!);
        foreach (var line in File.ReadLines(Path.Combine(dir, "touchpoints.jsonl")).Select(l => JsonElement.Parse(l)))
        {
            var (website, id, at) = (Id(Text(line, "business_id")!), Id(Text(line, "tp_id")!), DateTimeOffset.FromUnixTimeMilliseconds(line.GetProperty("ts").GetInt64()));
            NameOf[id] = Text(line, "tp_id")!;
            OwnerOf[id] = owners.GetValueOrDefault(NameOf[id]);
            var kind = Text(line, "type") switch { "visit" => TouchKind.Visit, "platform_lead" => TouchKind.PlatformLead, "lead" => TouchKind.Lead, "identify" => TouchKind.Identify, "call_click" => TouchKind.Call, _ => TouchKind.Outbound };
            var person = TouchpointPerson.Of([Text(line, "name")], [Text(line, "email")], [Text(line, "phone")], Text(line, "ip"), [Text(line, "email_sha256")], "US");
            var identity = new Identity(Text(line, "visitor_id"), Text(line, "click_id") is { } c ? [c] : [], person, kind is TouchKind.Call or TouchKind.Outbound ? at : null);
            Add(website, new MatchTouch(id, at, kind, identity.VisitorId ?? id.ToString(), kind is TouchKind.Visit or TouchKind.PlatformLead, kind is TouchKind.Visit or TouchKind.PlatformLead && Text(line, "channel") is { } channel && channel != "direct", person,
                Keys.Of(website, identity), new Agent(Text(line, "device"), Text(line, "os"), Text(line, "browser")), Text(line, "location_id"), Text(line, "service")));
        }
        foreach (var line in File.ReadLines(Path.Combine(dir, "bookings.jsonl")).Select(l => JsonElement.Parse(l)))
        {
            var (website, name, at) = (Id(Text(line, "business_id")!), Text(line, "booking_id")!, DateTimeOffset.FromUnixTimeMilliseconds(line.GetProperty("created_at").GetInt64()));
            var person = TouchpointPerson.Of([Text(line, "name")], [Text(line, "email")], [Text(line, "phone")], Text(line, "ip"), [], "US");
            var identity = new Identity(Text(line, "visitor_id"), Text(line, "click_id") is { } c ? [c] : [], person);
            var agent = new Agent(Text(line, "device"), Text(line, "os"), Text(line, "browser"));
            var intake = Text(line, "source") switch { "website" => IntakeKind.Website, "widget" or "stripe" => IntakeKind.Elsewhere, "phone" => IntakeKind.Phone, _ => IntakeKind.WalkIn };
            var keys = Keys.OfConversion(website, identity, at);
            var subject = new MatchSubject(Id(name), at, intake, person, keys, agent, Text(line, "location_id"), Text(line, "service"));
            Bookings.Add(new Booking(name, website, subject, Text(truth[name], "person_id"), Text(truth[name], "last_tp")));
            OwnerOf[subject.Id] = Text(truth[name], "person_id");
            Add(website, new MatchTouch(subject.Id, at, TouchKind.Conversion, identity.VisitorId ?? subject.Id.ToString(), false, false, person, Keys.Of(website, identity), agent, null, null));
            var surnames = keys.Where(k => LinkageKeys.KindOf(k) == KeyKind.Surname).ToList();
            _bookingsOfWebsite[website] = _bookingsOfWebsite.GetValueOrDefault(website) + 1;
            foreach (var key in keys)
            {
                if (!_surnamesOf.TryGetValue((website, key), out var seen))
                    _surnamesOf[(website, key)] = seen = [];
                seen.UnionWith(surnames);
                _bookingsOf[(website, key)] = _bookingsOf.GetValueOrDefault((website, key)) + 1;
            }
        }
        foreach (var touches in _byKey.Values.Concat(_byProfile.Values))
            touches.Sort((a, b) => a.At.CompareTo(b.At));
    }

    public List<Booking> Bookings { get; } = [];

    public Dictionary<Guid, string> NameOf { get; } = [];

    public Dictionary<Guid, string?> OwnerOf { get; } = [];

    public KeyStatistics StatisticsOf(Booking booking)
    {
        var surname = booking.Subject.Keys.FirstOrDefault(k => LinkageKeys.KindOf(k) == KeyKind.Surname);
        return new KeyStatistics(MatchCandidates.Share(_bookingsOf.GetValueOrDefault((booking.Website, surname)), _bookingsOfWebsite[booking.Website]), _shared.GetOrAdd(booking.Website, website =>
            _surnamesOf.Where(s => s.Key.Item1 == website && s.Value.Count >= MatchCandidates.FewestSurnames && MatchCandidates.MayBeShared.Contains(LinkageKeys.KindOf(s.Key.Item2))).Select(s => s.Key.Item2).ToHashSet()));
    }

    private readonly ConcurrentDictionary<Guid, HashSet<long>> _shared = [];

    public List<MatchTouch> CandidatesOf(Booking booking)
    {
        var (website, subject) = (booking.Website, booking.Subject);
        var shared = StatisticsOf(booking).SharedKeys;
        var found = new Dictionary<string, int>(StringComparer.Ordinal); // profile, hop
        foreach (var key in subject.Keys.Where(k => !shared.Contains(k)))
            foreach (var touch in Near(website, key, subject.At, MatchCandidates.PerKey))
                found[touch.Profile] = 1;
        var first = found.Keys.SelectMany(p => TouchesOf(website, p, subject)).ToList();
        foreach (var key in first.SelectMany(t => t.Keys).Where(k => MatchCandidates.LeadsOn.Contains(LinkageKeys.KindOf(k)) && !shared.Contains(k)).Distinct())
            if (Near(website, key, subject.At, MatchCandidates.MostOfCommon + 1) is { } near && near.Count <= MatchCandidates.MostOfCommon)
                foreach (var touch in near)
                    found.TryAdd(touch.Profile, 2);
        return [.. found.Keys.SelectMany(p => TouchesOf(website, p, subject))];
    }

    private IEnumerable<MatchTouch> TouchesOf(Guid website, string profile, MatchSubject subject) => _byProfile[(website, profile)]
        .Where(t => t.Id != subject.Id && (t.At - subject.At).Duration().TotalDays <= MatchQueue.EvidenceDays).TakeLast(MatchCandidates.PerProfile);

    private List<MatchTouch> Near(Guid website, long key, DateTimeOffset at, int most) =>
        _byKey.TryGetValue((website, key), out var touches)
            ? [.. touches.Where(t => t.At <= at && (at - t.At).TotalDays <= MatchQueue.EvidenceDays).TakeLast(most), .. touches.Where(t => t.At > at && (t.At - at).TotalDays <= MatchQueue.EvidenceDays).Take(most)] : [];

    private void Add(Guid website, MatchTouch touch)
    {
        foreach (var key in touch.Keys)
            ListOf(_byKey, (website, key)).Add(touch);
        ListOf(_byProfile, (website, touch.Profile)).Add(touch);
    }

    private static List<MatchTouch> ListOf<TKey>(Dictionary<TKey, List<MatchTouch>> lists, TKey key) where TKey : notnull =>
        lists.TryGetValue(key, out var list) ? list : lists[key] = [];

    private static string? Text(JsonElement line, string name) => line.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static Guid Id(string text) => new(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16));
}

static class Learning
{
    public static MatchModel Learn(string name, MatchSet[] weights, MatchSet[] curves)
    {
        var model = new MatchModel(name, new Dictionary<string, double>(), new Dictionary<string, double>(), CalibrationCurve.None, CalibrationCurve.None, CalibrationCurve.None);
        model = model with { Alone = new Regression(Rows(weights, model, c => c.Alone, _ => true)).Weights() };
        Console.WriteLine($"alone: {model.Alone.Count} weights");
        model = model with { Together = new Regression(Rows(weights, model, c => c.Together, c => c.Profile.Credited is not null)).Weights() };
        Console.WriteLine($"together: {model.Together.Count} weights");
        var answers = curves.SelectMany(set => set.Bookings.AsParallel().Select(b => (Set: set, Booking: b, Answer: Matcher.Answer(b.Subject, set.CandidatesOf(b), set.StatisticsOf(b), model)))).ToList();
        var right = answers.ConvertAll(a => (a.Answer.Touch, a.Answer.Raw, IsRight: IsRight(a.Set, a.Booking, a.Answer.Touch)));
        var pairs = answers.SelectMany(a => a.Answer.Touches.Select(t => (t.Confidence, a.Set.OwnerOf[t.Touch.Id] == a.Booking.PersonId)));
        return model with
        {
            Attributed = CalibrationCurve.Of(right.Where(r => r.Touch is not null).Select(r => (r.Raw, r.IsRight))),
            Unattributed = CalibrationCurve.Of(right.Where(r => r.Touch is null).Select(r => (r.Raw, r.IsRight))),
            Pairs = CalibrationCurve.Of(pairs, 200),
        };
    }

    /// <summary>
    /// A booking of which less is told: systems differ in what they tell, and a weight that was learned only beside others must hold without them.
    /// </summary>
    private static Booking Masked(Booking booking)
    {
        var random = new Random(BitConverter.ToInt32(booking.Subject.Id.ToByteArray()));
        bool Drop(double share = .5) => random.NextDouble() < share;
        var (subject, gone) = (booking.Subject, new HashSet<KeyKind>());
        void Lose(double share, params KeyKind[] kinds)
        {
            if (Drop(share))
                gone.UnionWith(kinds);
        }
        Lose(.15, KeyKind.Visitor);
        Lose(.5, KeyKind.Click);
        Lose(.6, KeyKind.Ip);
        Lose(.4, KeyKind.Email, KeyKind.EmailLocal, KeyKind.EmailHash);
        Lose(.4, KeyKind.Phone, KeyKind.PhoneEnd);
        Lose(.3, KeyKind.Surname, KeyKind.GivenAndInitial);
        var person = subject.Person;
        return booking with
        {
            Subject = subject with
            {
                Keys = [.. subject.Keys.Where(k => !gone.Contains(LinkageKeys.KindOf(k)))],
                Person = new TouchpointPerson(gone.Contains(KeyKind.Surname) ? [] : person.Names, gone.Contains(KeyKind.Email) ? [] : person.Emails, gone.Contains(KeyKind.Phone) ? [] : person.Phones,
                    gone.Contains(KeyKind.Ip) ? null : person.Ip, gone.Contains(KeyKind.EmailHash) ? [] : person.EmailHashes),
                Agent = Drop(.6) ? default : subject.Agent,
                Location = Drop() ? null : subject.Location,
                Service = Drop() ? null : subject.Service,
                Intake = Drop(.3) ? IntakeKind.Unknown : subject.Intake,
            },
        };
    }

    private static bool IsRight(MatchSet set, Booking booking, MatchTouch? touch) => (touch is null ? null : set.NameOf[touch.Id]) == booking.LastTouch;

    private static List<(string[] Names, double[] Amounts, bool IsMine)> Rows(MatchSet[] sets, MatchModel model, Func<Matcher.Compared, Levels> levels, Func<Matcher.Compared, bool> counts) =>
        [.. sets.SelectMany(set => set.Bookings.Concat(set.Bookings.Select(Masked)).ToList().AsParallel().SelectMany(b => Matcher.Compare(b.Subject, set.CandidatesOf(b), set.StatisticsOf(b), model).Where(counts).Select(c =>
        {
            var features = levels(c).Features().ToList();
            return (features.ConvertAll(f => f.Name).ToArray(), features.ConvertAll(f => f.Amount).ToArray(), set.OwnerOf[(c.Profile.Credited ?? c.Profile.Touches[^1]).Id] == b.PersonId);
        })))];
}

/// <summary>Logistic regression by AdaGrad with a little shrinkage; levels seen fewer than 30 times are left out.</summary>
sealed class Regression(List<(string[] Names, double[] Amounts, bool IsMine)> rows)
{
    private const int Rounds = 14, Fewest = 30;
    private const double Rate = .25, Shrink = 2e-6;

    public Dictionary<string, double> Weights()
    {
        var index = rows.SelectMany(r => r.Names).GroupBy(n => n).Where(g => g.Count() >= Fewest).Select((g, i) => (g.Key, i)).ToDictionary(p => p.Key, p => p.i + 1);
        var data = rows.ConvertAll(r => (Ids: r.Names.Select(n => index.GetValueOrDefault(n, -1)).ToArray(), r.Amounts, r.IsMine));
        var (weights, squares, sum, sums) = (new double[index.Count + 1], new double[index.Count + 1], new double[index.Count + 1], 0);
        var random = new Random(1);
        for (var round = 0; round < Rounds; round++)
        {
            random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(data));
            var loss = 0.0;
            foreach (var (ids, amounts, isMine) in data)
            {
                var score = weights[0];
                for (var i = 0; i < ids.Length; i++)
                    if (ids[i] > 0)
                        score += weights[ids[i]] * amounts[i];
                var p = 1 / (1 + Math.Exp(-score));
                var error = p - (isMine ? 1 : 0);
                loss -= Math.Log(Math.Max(1e-12, isMine ? p : 1 - p));
                Step(0, error);
                for (var i = 0; i < ids.Length; i++)
                    if (ids[i] > 0)
                        Step(ids[i], error * amounts[i]);
            }
            Console.WriteLine($"  round {round}: {data.Count} rows, loss {loss / data.Count:N5}");
            if (round >= Rounds / 2) // the mean of the later rounds is steadier than the last
            {
                for (var i = 0; i < sum.Length; i++)
                    sum[i] += weights[i];
                sums++;
            }
        }
        var learned = index.ToDictionary(p => p.Key, p => Math.Round(sum[p.Value] / sums, 4));
        learned["bias"] = Math.Round(sum[0] / sums, 4);
        return learned;

        void Step(int i, double gradient)
        {
            gradient += Shrink * weights[i];
            squares[i] += gradient * gradient;
            weights[i] -= Rate * gradient / Math.Sqrt(squares[i] + 1);
        }
    }
}
