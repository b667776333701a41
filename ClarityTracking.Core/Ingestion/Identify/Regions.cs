using System.Collections.Frozen;

namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>
/// Codes of the states of the USA (with DC and the territories) and of the provinces of Canada by their English names.
/// Meta wants two letters for a US state and the whole name elsewhere (customer information parameters, 2026-09-12); its parameter
/// builder shortens Canadian provinces too. Whole names only: matching parts would make "Arkansas" Kansas and "Washington DC" Washington.
/// </summary>
static class Regions
{
    const string Table = """
        al:alabama ak:alaska az:arizona ar:arkansas ca:california co:colorado ct:connecticut de:delaware fl:florida ga:georgia hi:hawaii
        id:idaho il:illinois in:indiana ia:iowa ks:kansas ky:kentucky la:louisiana me:maine md:maryland ma:massachusetts mi:michigan
        mn:minnesota ms:mississippi mo:missouri mt:montana ne:nebraska nv:nevada nh:newhampshire nj:newjersey nm:newmexico ny:newyork
        nc:northcarolina nd:northdakota oh:ohio ok:oklahoma or:oregon pa:pennsylvania ri:rhodeisland sc:southcarolina sd:southdakota
        tn:tennessee tx:texas ut:utah vt:vermont va:virginia wa:washington wv:westvirginia wi:wisconsin wy:wyoming
        dc:districtofcolumbia dc:washingtondc as:americansamoa gu:guam mp:northernmarianaislands pr:puertorico vi:virginislands
        vi:usvirginislands ab:alberta bc:britishcolumbia mb:manitoba nb:newbrunswick nl:newfoundlandandlabrador nl:newfoundland
        nt:northwestterritories ns:novascotia nu:nunavut on:ontario pe:princeedwardisland qc:quebec qc:québec sk:saskatchewan yt:yukon
        """;

    static readonly FrozenDictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> ByName = Table
        .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        .ToFrozenDictionary(entry => entry[3..], entry => entry[..2], StringComparer.Ordinal)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The code of a name that is already lower case and without spaces; null when it is none of these.</summary>
    internal static string? Code(ReadOnlySpan<char> name) => ByName.TryGetValue(name, out var code) ? code : null;
}
