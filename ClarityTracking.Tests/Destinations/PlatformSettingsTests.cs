using System.Text.Json;
using ClarityTracking.Core.Destinations;
using ClarityTracking.Core.Destinations.Pinterest;
using ClarityTracking.Core.Destinations.Reddit;
using ClarityTracking.Core.Destinations.Snapchat;
using ClarityTracking.Core.Destinations.TikTok;

namespace ClarityTracking.Tests.Destinations;

/// <summary>What a user may type into each platform's form.</summary>
public sealed class PlatformSettingsTests
{
    static readonly Dictionary<string, IDestination> Platforms =
        new IDestination[] { new TikTokDestination(), new PinterestDestination(), new SnapchatDestination(), new RedditDestination() }.ToDictionary(d => d.Info.Platform);

    [Theory]
    [InlineData("tiktok", """{"pixel_code":"C4A","test_event_code":"TEST1","limited_data_use":true,"events":{"lead":"SubmitForm","page_view":false}}""", """{"access_token":"t"}""", "")]
    [InlineData("tiktok", "{}", "{}", "settings.pixel_code credentials.access_token")]
    [InlineData("tiktok", """{"pixel_code":"a/b","test_event_code":"a b","limited_data_use":1}""", """{"access_token":"two words"}""", "settings.pixel_code settings.test_event_code settings.limited_data_use credentials.access_token")]
    [InlineData("tiktok", """{"pixel_code":"C4A","events":{"lead":"this name has more than the fifty characters of a name","search":7,"contact":""}}""", null, "settings.events.lead settings.events.search settings.events.contact")]
    [InlineData("pinterest", """{"ad_account_id":549755885175,"test":true}""", """{"access_token":"t"}""", "")]
    [InlineData("pinterest", """{"ad_account_id":"act_1","test":"yes"}""", null, "settings.ad_account_id settings.test")]
    [InlineData("pinterest", """{"ad_account_id":"1","events":{"lead":"Lead","purchase":"checkout","vip":"custom"}}""", null, "settings.events.lead")]
    [InlineData("snapchat", """{"pixel_id":"0a1b-2c","test_id":"t1","events":{"vip":"CUSTOM_EVENT_5"}}""", """{"access_token":"t"}""", "")]
    [InlineData("snapchat", """{"pixel_id":"","events":{"vip":"CUSTOM_EVENT_6","lead":"LEAD"}}""", """{"access_token":null}""", "settings.pixel_id settings.events.vip settings.events.lead credentials.access_token")]
    [InlineData("reddit", """{"pixel_id":"a2_abc","test_id":"t2_abc","events":{"form_submit":"LEAD","vip":"Vip"}}""", """{"access_token":"t"}""", "")]
    [InlineData("reddit", """{"pixel_id":"a2_abc","events":{"vip":"CUSTOM"}}""", "[]", "settings.events.vip credentials")]
    [InlineData("reddit", "[]", null, "settings")]
    [InlineData("reddit", """{"pixel_id":"a2_abc","events":["LEAD"]}""", null, "settings.events")]
    public void Check_SettingsAndCredentials_NamesEachWrongField(string platform, string settings, string? credentials, string fields) =>
        Assert.Equal(fields, string.Join(' ', Platforms[platform].Check(JsonElement.Parse(settings), credentials is null ? null : JsonElement.Parse(credentials)).Select(e => e.Field)));

    [Fact]
    public void Fields_OfEveryPlatform_AreNamedOnceAndExplained() => Assert.All(Platforms.Values, destination =>
    {
        Assert.Equal(destination.Info.Fields.Count, destination.Info.Fields.Select(f => f.Name).Distinct().Count());
        Assert.All(destination.Info.Fields, f => Assert.False(string.IsNullOrWhiteSpace(f.Label) || string.IsNullOrWhiteSpace(f.Help), f.Name));
        Assert.Single(destination.Info.Fields, f => f.IsSecret);
        Assert.Contains(destination.Info.Fields, f => f is { Name: "events", Kind: FieldKind.Pairs });
    });
}
