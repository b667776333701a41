using System.IO.Compression;
using System.Security.Cryptography;
using ClarityTracking.Web.Security;
using Microsoft.Net.Http.Headers;

namespace ClarityTracking.Web.Endpoints;

/// <summary>
/// The snippet. Pages name it <c>/t.js</c> and keep it for an hour; <c>/t/{version}.js</c> never changes. Packed once, at the first request.
/// </summary>
public static class TrackerEndpoints
{
    private const string ShortCache = "public, max-age=3600, stale-while-revalidate=86400", LongCache = "public, max-age=31536000, immutable";

    public static IEndpointRouteBuilder MapTracker(this IEndpointRouteBuilder routes)
    {
        var environment = routes.ServiceProvider.GetRequiredService<IWebHostEnvironment>();
        var script = new Lazy<Script>(() => Script.Load(environment.WebRootFileProvider.GetFileInfo("tracker/t.js")));
        var group = routes.MapGroup("").AllowAnonymous().RequireCors(Cors.AnySite).RequireRateLimiting(RateLimits.Collect).ExcludeFromDescription();
        foreach (var path in (string[])["/t.js", "/trackingscript.js", "/trackingLeads.js"])
            group.MapMethods(path, ["GET", "HEAD"], (HttpContext http) => Send(http, script.Value, ShortCache));
        group.MapMethods("/t/{version}.js", ["GET", "HEAD"], (HttpContext http, string version) =>
            version == script.Value.Version ? Send(http, script.Value, LongCache) : Results.NotFound());
        return routes;
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

    private sealed record Script(string Version, byte[] Plain, byte[] Brotli, byte[] Gzip)
    {
        public static Script Load(Microsoft.Extensions.FileProviders.IFileInfo file)
        {
            using var source = file.CreateReadStream();
            using var plain = new MemoryStream();
            source.CopyTo(plain);
            var bytes = plain.ToArray();
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
