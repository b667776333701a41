using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ClarityTracking.Core.Ingestion.Identify;

namespace ClarityTracking.Tests.Vectors;

/// <summary>
/// What Meta's two packages make of each value. As the files say: where they agree the value is binding; where not, our own expected
/// value, or any acceptable one when the documentation does not settle it; "reject" = nothing is sent for the key.
/// </summary>
public sealed class MetaNormaliseTests
{
    // the files may grow, never shrink unseen
    const int Files = 11, AllCases = 230;

    static readonly DateOnly Today = new(2026, 11, 20);

    public static TheoryData<string, string> AllOfThem()
    {
        var rows = new TheoryData<string, string>();
        foreach (var file in VectorFile.Names("meta", "normalise-"))
            foreach (var id in VectorFile.Cases(file).Keys)
                rows.Add(file, id);
        return rows;
    }

    [Theory]
    [MemberData(nameof(AllOfThem))]
    public void MatchKeyHasher_MetaVector_SendsTheExpectedHash(string file, string id)
    {
        var field = VectorFile.Read(file).GetProperty("field").GetString()!;
        var vector = VectorFile.Cases(file)[id];
        var input = vector.GetProperty("input").GetString()!;

        var hashes = MatchKeyHasher.Hash(UserWith(field, input), defaultCountry: null, Today)[field];

        var expected = vector.GetProperty("expected");
        string[] allowed = expected.ValueKind == JsonValueKind.Null
            ? [.. vector.GetProperty("acceptable").EnumerateArray().Select(a => a.GetString()!)]
            : [expected.GetString()!];
        if (hashes.Count == 0)
        {
            Assert.Contains("reject", allowed);
            return;
        }
        Assert.Contains(hashes[0], allowed);
        // One value, except that a decomposed writing is sent composed as well (our choice: the packages send only what they were given).
        Assert.Equal(input.IsNormalized(NormalizationForm.FormC) ? 1 : 2, hashes.Count);
        Assert.All(hashes, hash => Assert.NotEqual(Convert.ToHexStringLower(SHA256.HashData([])), hash));
    }

    [Fact]
    public void MetaVectors_Counted_NoneIsSkipped()
    {
        var files = VectorFile.Names("meta", "normalise-").ToList();
        Assert.Equal(Files, files.Count);
        Assert.Equal(AllCases, files.Sum(f => VectorFile.Read(f).GetProperty("cases").GetArrayLength()));
        Assert.Equal(AllCases, AllOfThem().Count);
        // each case can fail: it names at least one value and never everything
        foreach (var vector in files.SelectMany(f => VectorFile.Cases(f).Values))
            Assert.NotEqual(0, vector.GetProperty("acceptable").GetArrayLength());
    }

    static UserData UserWith(string field, string value) => field switch
    {
        "em" => new() { Email = [value] },
        "ph" => new() { Phone = [value] },
        "fn" => new() { FirstName = value },
        "ln" => new() { LastName = value },
        "ct" => new() { City = value },
        "st" => new() { State = value },
        "zp" => new() { Zip = value },
        "country" => new() { Country = value },
        "ge" => new() { Gender = value },
        "db" => new() { DateOfBirth = value },
        "external_id" => new() { ExternalId = [value] },
        _ => throw new InvalidOperationException($"No field of a person is called {field}."),
    };
}
