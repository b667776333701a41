using ClarityTracking.Core.Ingestion.Identify;

namespace ClarityTracking.Tests.Ingestion.Identify;

public sealed class PersonalTextTests
{
    [Theory]
    [InlineData("https://www.example.com/p?a=1&b=2#top", "https://www.example.com/p?a=1&b=2#top")]
    [InlineData("https://www.example.com/p", "https://www.example.com/p")]
    [InlineData("https://www.example.com/p?email=jane%40example.com&a=1", "https://www.example.com/p?a=1")]
    [InlineData("https://www.example.com/p?a=1&u=jane@example.com#top", "https://www.example.com/p?a=1#top")]
    [InlineData("https://www.example.com/p?a=1&q=jane%40example.com", "https://www.example.com/p?a=1")]
    [InlineData("https://www.example.com/p?phone=020&first_name=J", "https://www.example.com/p")]
    [InlineData("https://www.example.com/p?tel=%2B442079460958&fbclid=AbC_d", "https://www.example.com/p?fbclid=AbC_d")]
    [InlineData("https://www.example.com/p?", "https://www.example.com/p?")]
    public void WithoutPersonalData_Address_LosesOnlyPersonalParameters(string url, string expected) =>
        Assert.Equal(expected, PersonalText.WithoutPersonalData(url));

    [Theory]
    [InlineData("jane@example.com", true)]
    [InlineData("write to jane@example.com", true)]
    [InlineData("+44 20 7946 0958", true)]
    [InlineData("2 shirts @ 5.00", false)]
    [InlineData("+1", false)]
    [InlineData("+10 % off", false)]
    [InlineData("2026-12-01T09:00:00Z", false)]
    [InlineData("", false)]
    public void LooksPersonal_Text_IsRecognised(string text, bool expected) => Assert.Equal(expected, PersonalText.LooksPersonal(text));

    [Theory]
    [InlineData("billing_email", true)]
    [InlineData("customerPhone", true)]
    [InlineData("name", true)]
    [InlineData("service_name", false)]
    [InlineData("content_name", false)]
    [InlineData("appointment_at", false)]
    public void IsPersonalName_Property_IsRecognised(string name, bool expected) => Assert.Equal(expected, PersonalText.IsPersonalName(name));
}
