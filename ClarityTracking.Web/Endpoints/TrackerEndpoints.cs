using System.Collections.Concurrent;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using ClarityTracking.Core.Health.Volume;
using ClarityTracking.Web.Security;
using Microsoft.Extensions.FileProviders;
using Microsoft.Net.Http.Headers;

namespace ClarityTracking.Web.Endpoints;

/// <summary>
/// The snippet. Pages name its core <c>/t.js</c> and keep it for an hour; <c>/t/{version}.js</c> never changes as long as it is the current one. The core loads the other
/// files as <c>/t/{file}.js?v={version}</c>. All of them also stand under each website's alias (<see cref="ScriptAliasPaths"/>).
/// </summary>
public static partial class TrackerEndpoints
{
    private const string ShortLife = "public, max-age=3600, stale-while-revalidate=86400", HourLife = "public, max-age=3600",
        LongLife = "public, max-age=31536000, immutable";

    public static IEndpointRouteBuilder MapTracker(this IEndpointRouteBuilder routes)
    {
        var environment = routes.ServiceProvider.GetRequiredService<IWebHostEnvironment>();
        var tracker = new Lazy<Tracker>(() => new Tracker(environment.WebRootFileProvider));
        var group = routes.MapGroup("").AllowAnonymous().RequireRateLimiting(RateLimits.Collect).ExcludeFromDescription();
        var scripts = group.MapGroup("").RequireCors(Cors.AnySite);
        foreach (var path in (string[])["/t.js", "/trackingscript.js", "/trackingLeads.js"])
            scripts.MapMethods(path, ["GET", "HEAD"], (HttpContext http) => Send(http, Noted(http, tracker.Value.Core(http.ScriptAlias)), ShortLife));
        scripts.MapMethods("/api/conversions/script", ["GET", "HEAD"], (HttpContext http) => Send(http, tracker.Value.CampaignScript, HourLife));
        scripts.MapMethods("/t/{name}.js", ["GET", "HEAD"], (HttpContext http, string name, string? v) =>
            tracker.Value.Later.TryGetValue(name, out var file) ? Send(http, file, v == tracker.Value.LaterVersion ? LongLife : ShortLife)
            // a page that named an earlier version goes on with this one
            : VersionName().IsMatch(name) && tracker.Value.Core(http.ScriptAlias) is var core ? Send(http, core, name == core.Version ? LongLife : ShortLife)
            : Results.NotFound());
        group.MapPost("/t/cookies", FirstPartyCookies.Renew);
        return routes;
    }

    [GeneratedRegex("^[0-9a-f]{12}$")]
    private static partial Regex VersionName();

    private static Script Noted(HttpContext http, Script core)
    {
        http.RequestServices.GetRequiredService<IntakeNotes>().Fetched(http.ScriptAlias, ArrivalWays.HostOf(http.Request.Headers.Referer), core.Version);
        return core;
    }

    private static IResult Send(HttpContext http, Script script, string cache)
    {
        http.Response.Headers.CacheControl = cache;
        http.Response.Headers.Vary = "Accept-Encoding";
        var accepts = http.Request.Headers.AcceptEncoding.ToString();
        var (encoding, bytes) = accepts.Contains("br", StringComparison.Ordinal) ? ("br", script.Brotli)
            : accepts.Contains("gzip", StringComparison.Ordinal) ? ("gzip", script.Gzip) : (null, script.Plain);
        if (encoding is not null)
            http.Response.Headers.ContentEncoding = encoding;
        // weak: the same script in another packing is the same script
        return Results.Bytes(bytes, "text/javascript; charset=utf-8", entityTag: new EntityTagHeaderValue($"\"{script.Version}\"", isWeak: true));
    }

    /// <summary>What the build of wwwroot-tracker made, packed once at the first request.</summary>
    private sealed class Tracker(IFileProvider files)
    {
        private const int MostAliasedCores = 2000;
        private readonly string _core = Read(files.GetFileInfo("tracker/t.js"));
        private readonly ConcurrentDictionary<string, Lazy<Script>> _cores = new(StringComparer.Ordinal);

        /// <summary>The files that the core loads later, by name without ending.</summary>
        public Dictionary<string, Script> Later { get; } = files.GetDirectoryContents("tracker")
            .Where(file => file.Name.EndsWith(".js", StringComparison.Ordinal) && file.Name != "t.js")
            .ToDictionary(file => file.Name[..^3], file => Script.Of(Read(file)), StringComparer.Ordinal);

        /// <summary>What the core asks for them by.</summary>
        public string LaterVersion { get; } = Read(files.GetFileInfo("tracker/later-files.version")).Trim();

        /// <summary>The core for pages of campaign links: one object under two names, whichever of them the page's own stub used.</summary>
        public Script CampaignScript => Packed("/campaign", () =>
            "try{window.ClarityTracking=window.CampaignTracker=window.ClarityTracking||window.CampaignTracker||{}}catch(e){}" + _core);

        /// <summary>The core; under an alias, one that sends to and loads from the alias.</summary>
        public Script Core(string? alias) => alias is null ? Packed("", () => _core) : Packed(alias, () => _core
            .Replace("/api/v1/collect", "/" + alias, StringComparison.Ordinal).Replace("\"/t/\"", $"\"/{alias}/\"", StringComparison.Ordinal));

        private Script Packed(string key, Func<string> text)
        {
            if (_cores.Count >= MostAliasedCores)
                _cores.Clear();
            return _cores.GetOrAdd(key, _ => new Lazy<Script>(() => Script.Of(text()))).Value;
        }

        private static string Read(IFileInfo file)
        {
            using var reader = new StreamReader(file.CreateReadStream(), Encoding.UTF8);
            return reader.ReadToEnd();
        }
    }

    private sealed record Script(string Version, byte[] Plain, byte[] Brotli, byte[] Gzip)
    {
        public static Script Of(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            return new Script(Convert.ToHexStringLower(SHA256.HashData(bytes))[..12], bytes,
                Pack(bytes, to => new BrotliStream(to, CompressionLevel.SmallestSize)), Pack(bytes, to => new GZipStream(to, CompressionLevel.SmallestSize)));
        }

        private static byte[] Pack(byte[] bytes, Func<Stream, Stream> packer)
        {
            using var packed = new MemoryStream();
            using (var stream = packer(packed))
                stream.Write(bytes);
            return packed.ToArray();
        }
    }
}
