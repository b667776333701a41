using QRCoder;

namespace ClarityTracking.Web.Endpoints;

/// <summary>A link's short address as a QR code.</summary>
static class LinkCode
{
    private const int PixelsPerModule = 12;

    /// <summary>As a PNG file.</summary>
    internal static byte[] Png(string url)
    {
        using var code = Of(url);
        using var png = new PngByteQRCode(code);
        return png.GetGraphic(PixelsPerModule);
    }

    /// <summary>As an SVG image.</summary>
    internal static string Svg(string url)
    {
        using var code = Of(url);
        using var svg = new SvgQRCode(code);
        return svg.GetGraphic(PixelsPerModule);
    }

    // quartile: readable with a quarter of it dirty, as on a counter or a flyer
    private static QRCodeData Of(string url) => QRCodeGenerator.GenerateQrCode(url, QRCodeGenerator.ECCLevel.Q);
}
