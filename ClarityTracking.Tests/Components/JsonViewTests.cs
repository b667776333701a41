using ClarityTracking.Web.Components.Shared;

namespace ClarityTracking.Tests.Components;

public sealed class JsonViewTests
{
    private const string Request = """
        {"data":[{"event_name":"Purchase","user_data":{"em":["3b1f"],"client_ip_address":"203.0.113.7","client_user_agent":"Browser 1"}}]}
        """;

    [Fact]
    public async Task JsonView_PersonalDataHidden_ShowsNeitherAddressNorBrowser()
    {
        var html = await RenderAsync(Request, JsonMask.PersonalData);

        Assert.DoesNotContain("203.0.113.7", html);
        Assert.DoesNotContain("Browser 1", html);
        Assert.Contains("Purchase", html);
        Assert.Contains("3b1f", html);
    }

    [Fact]
    public async Task JsonView_PersonalDataAskedFor_ShowsIt()
    {
        var html = await RenderAsync(Request, new HashSet<string>());

        Assert.Contains("203.0.113.7", html);
    }

    [Fact]
    public void JsonMask_Applied_HidesOnTheClipboardTooAndLeavesTheInputAlone()
    {
        var input = JsonMask.TryParse(Request)!;

        var copied = JsonMask.Text(JsonMask.Apply(input, JsonMask.PersonalData));

        Assert.DoesNotContain("203.0.113.7", copied);
        Assert.Contains("203.0.113.7", input.ToJsonString());
    }

    [Theory]
    [InlineData("""{"user":{"email":"customer@example.com"}}""")]
    [InlineData("""{"a":[{"personal":{"ip":"203.0.113.7"}}]}""")]
    [InlineData("""{"IP":"203.0.113.7"}""")]
    public void JsonMask_AtAnyDepth_HidesTheValue(string json)
    {
        var text = JsonMask.Text(JsonMask.Apply(JsonMask.TryParse(json), JsonMask.PersonalData));

        Assert.DoesNotContain("customer@example.com", text);
        Assert.DoesNotContain("203.0.113.7", text);
        Assert.Contains(JsonMask.Hidden, text);
    }

    [Fact]
    public async Task JsonView_MarkupInValues_IsText()
    {
        var html = await RenderAsync("""{"title":"<script>alert(1)</script>"}""", new HashSet<string>());

        Assert.DoesNotContain("<script>", html);
    }

    [Theory]
    [InlineData("upstream <b>down</b>")]
    [InlineData("")]
    public async Task JsonView_NoJson_IsShownAsEncodedText(string text)
    {
        var html = await RenderAsync(text, JsonMask.PersonalData);

        Assert.Contains("<pre", html);
        Assert.DoesNotContain("<b>", html);
    }

    private static async Task<string> RenderAsync(string json, IReadOnlySet<string> hide)
    {
        await using var harness = new RenderHarness(DateTimeOffset.UnixEpoch);
        return await harness.RenderAsync<JsonView>(new() { [nameof(JsonView.Text)] = json, [nameof(JsonView.Hide)] = hide });
    }
}
