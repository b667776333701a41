using System.Buffers;
using System.IO.Compression;

namespace ClarityTracking.Web.Endpoints;

/// <summary>A whole request body in pooled memory, unpacked, with a limit that also holds for what a small packed body unfolds to.</summary>
internal sealed class RequestBody : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
    private int _length;

    /// <summary>The bytes; valid until disposed.</summary>
    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>Reads at most <paramref name="largest"/> bytes; null when there are more.</summary>
    /// <exception cref="InvalidDataException">A packed body is damaged.</exception>
    public static async Task<RequestBody?> ReadAsync(HttpRequest request, int largest, CancellationToken cancel)
    {
        if (request.ContentLength > largest)
            return null;
        var body = new RequestBody();
        var packed = request.Headers.ContentEncoding.Count > 0 && request.Headers.ContentEncoding != "identity";
        try
        {
            await using var unpacked = packed ? new GZipStream(request.Body, CompressionMode.Decompress, leaveOpen: true) : null;
            if (await body.FillAsync(unpacked ?? request.Body, largest, cancel))
                return body;
            body.Dispose();
            return null;
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private async ValueTask<bool> FillAsync(Stream stream, int largest, CancellationToken cancel)
    {
        while (true)
        {
            if (_length == _buffer.Length)
                Grow();
            var read = await stream.ReadAsync(_buffer.AsMemory(_length), cancel);
            if (read == 0)
                return true;
            _length += read;
            if (_length > largest)
                return false;
        }
    }

    private void Grow()
    {
        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
