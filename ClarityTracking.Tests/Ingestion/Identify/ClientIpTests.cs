using ClarityTracking.Core.Ingestion.Identify;

namespace ClarityTracking.Tests.Ingestion.Identify;

public sealed class ClientIpTests
{
    [Theory]
    [InlineData("198.51.100.7", true)]
    [InlineData("2001:4860:4860::8888", true)]
    [InlineData("::ffff:198.51.100.7", true)]
    [InlineData("10.0.0.1", false)]
    [InlineData("172.16.0.1", false)]
    [InlineData("172.32.0.1", true)]
    [InlineData("192.168.1.4", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("169.254.1.1", false)]
    [InlineData("127.0.0.1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::1", false)]
    [InlineData("::", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fd00::1", false)]
    [InlineData("ff02::1", false)]
    [InlineData("::ffff:10.0.0.1", false)]
    [InlineData("unknown", false)]
    [InlineData(null, false)]
    public void IsPublic_Address_IsUsableByAPlatform(string? address, bool isPublic) => Assert.Equal(isPublic, ClientIp.IsPublic(address));

    [Theory]
    [InlineData("203.0.113.5", "198.51.100.7", null, "203.0.113.5")]
    [InlineData(null, null, "::ffff:198.51.100.7", "198.51.100.7")]
    [InlineData("junk", " 198.51.100.7 , 10.0.0.1", "10.0.0.1", "198.51.100.7")]
    public void Choose_SeveralAddresses_TakesMetasOrder(string? cookie, string? forwarded, string? remote, string expected) =>
        Assert.Equal(expected, ClientIp.Choose(cookie, forwarded, remote));
}
