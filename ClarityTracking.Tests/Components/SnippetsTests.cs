using System.Text;
using System.Text.RegularExpressions;
using ClarityTracking.Tests.Support;
using ClarityTracking.Web.Components.Pages.Install;
using Microsoft.Playwright;

namespace ClarityTracking.Tests.Components;

/// <summary>Everything the install page can generate is well formed, whatever is chosen and whatever the values hold.</summary>
public sealed partial class SnippetsTests(Browser browser) : IClassFixture<Browser>
{
    private const string Nasty = """a"b'c<d>&e{{f}}{%g%}?>\</script><!--é""";
    private static readonly string[] Keys = [.. SnippetOptions.Switches.Select(s => s.Key)];

    /// <summary>Nothing, each switch alone, all together, and a value in every field.</summary>
    private static IEnumerable<(string Name, SnippetOptions Options)> Choices() =>
    [
        ("nothing", new SnippetOptions()),
        .. Keys.Select(k => (k, new SnippetOptions { On = new HashSet<string> { k } })),
        ("everything", new SnippetOptions { On = Keys.ToHashSet(), Domains = "a.example.com, https://b.example.org/path", Timeout = "45", Address = ScriptAddress.Own, Host = "shop.example.com" }),
        ("alias", new SnippetOptions { Address = ScriptAddress.Alias }),
    ];

    private static TagPlan PlanOf(SnippetOptions options, string key = "pk_live_0123456789abcdef") =>
        TagPlan.Of("https://track.example.com/", "q7x", key, "EUR", options);

    private static IEnumerable<(string Name, Stack Stack, Piece Piece, TagPlan Plan)> All(string key = "pk_live_0123456789abcdef") =>
        from choice in Choices()
        from stack in Snippets.Stacks
        let plan = PlanOf(choice.Options, key)
        from piece in stack.More(plan).Prepend(stack.Tag(plan))
        select ($"{stack.Key} / {choice.Name} / {piece.Title}", stack, piece, plan);

    [Fact]
    public async Task Scripts_OfEveryStackAndChoice_CanBeParsed()
    {
        var scripts = All().Concat(All(Nasty)).SelectMany(a => ScriptsOf(a.Stack.Key, a.Piece).Select(s => (a.Name, s.Kind, s.Code))).ToList();

        Assert.InRange(scripts.Count, 250, 3000);
        Assert.Equal("", await ScriptCheck.ProblemsAsync(scripts));
        // the check itself would notice
        Assert.StartsWith("broken", await ScriptCheck.ProblemsAsync([("broken", "js", "function (")]), StringComparison.Ordinal);
        Assert.StartsWith("broken", await ScriptCheck.ProblemsAsync([("broken", "tsx", "const a = <p>")]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pk_live_0123456789abcdef")]
    [InlineData(Nasty)]
    public async Task HtmlTag_ParsedByABrowser_HoldsExactlyWhatWasChosen(string key)
    {
        var page = await browser.NewPageAsync();
        foreach (var (name, stack, piece, plan) in All(key).Where(a => a.Stack.Key is "html" or "wordpress" or "shopify"))
        {
            var html = stack.Key == "wordpress" ? Php().Replace("<?php " + piece.Code, "") : piece.Code;
            if (!html.Contains("data-apikey", StringComparison.Ordinal))
                continue;
            var found = await page.EvaluateAsync<string[]>("""
                html => {
                  const all = [...new DOMParser().parseFromString(html, "text/html").querySelectorAll("*")].filter((e) => !/^(HTML|HEAD|BODY)$/.test(e.tagName));
                  return [all.map((e) => e.tagName).join(), all[0].src, all[0].text, ...all[0].getAttributeNames().slice(2).map((n) => n + "=" + all[0].getAttribute(n))];
                }
                """, html);

            Assert.Equal(["SCRIPT", plan.Script, "", .. plan.Attributes.Select(a => $"{a.Name}={a.Value}")], found);
            Assert.True(html.IndexOf("{{", StringComparison.Ordinal) < 0 && html.IndexOf("{%", StringComparison.Ordinal) < 0, name);
        }
    }

    [Theory]
    [InlineData("pk_live_0123456789abcdef")]
    [InlineData(Nasty)]
    public async Task ScriptMadeByHand_RunInABrowser_HoldsExactlyWhatWasChosen(string key)
    {
        var page = await browser.NewPageAsync();
        foreach (var (name, stack, piece, plan) in All(key).Where(a => a.Piece.Code.Contains("data-apikey", StringComparison.Ordinal) && a.Stack.Key is "gtm" or "nextjs"))
        {
            if (piece.Title != "The tag")
                continue;
            var script = stack.Key == "gtm" ? ScriptsOf("gtm", piece).Single().Code : HandMade(piece.Code);
            var found = await page.EvaluateAsync<string[]>("""
                code => {
                  const made = [];
                  const document = { createElement: () => { const e = window.document.createElement("script"); made.push(e); return e; }, head: { appendChild() {} } };
                  new Function("document", code)(document);
                  return [made[0].src, ...made[0].getAttributeNames().filter((n) => n.startsWith("data-")).map((n) => n + "=" + made[0].getAttribute(n))];
                }
                """, script);

            Assert.Equal([plan.Script, .. plan.Attributes.Select(a => $"{a.Name}={a.Value}")], found);
            if (stack.Key == "gtm")
                Assert.False(piece.Code.Contains("{{", StringComparison.Ordinal), name);
        }
    }

    [Fact]
    public void Tag_OfTheDefaults_IsTheShortestThereIs() => Assert.Equal(
        """<script async src="https://track.example.com/t.js" data-apikey="pk_live_0123456789abcdef"></script>""", Snippets.Named("html").Tag(PlanOf(new())).Code);

    [Fact]
    public void Tag_OfEverything_NamesEachOptionOnce() => Assert.Equal(
        """<script async src="https://shop.example.com/q7x.js" data-apikey="pk_live_0123456789abcdef" data-consent data-privacy-mode data-cookieless data-auto-identify="false" """
        + """data-only-identify data-hash data-debug data-cross-domain="a.example.com,b.example.org" data-session-timeout="45"></script>""",
        Snippets.Named("html").Tag(PlanOf(Choices().Single(c => c.Name == "everything").Options)).Code);

    [Fact]
    public void Stub_IsSmall_AndKeepsEveryCallOfTheExamples()
    {
        Assert.InRange(Encoding.UTF8.GetByteCount(Snippets.Stub), 1, 250);
        foreach (var (name, _, piece, _) in All().Where(a => a.Piece.Code.Contains(Snippets.Stub, StringComparison.Ordinal)))
            foreach (Match call in Call().Matches(piece.Code))
                Assert.True(Regex.IsMatch(Snippets.Stub, $@"[ ""]{call.Groups[1].Value}[ ""]"), $"{name}: the stub does not keep {call.Groups[1].Value}.");
    }

    [Fact]
    public void Pieces_WithOnlyIdentify_ReportNothingElse()
    {
        var plan = PlanOf(new SnippetOptions { On = new HashSet<string> { SnippetOptions.OnlyIdentify } });
        foreach (var stack in Snippets.Stacks.Where(s => s.HasOptions))
        {
            var pieces = string.Concat(stack.More(plan).Select(p => p.Code)).Replace(Snippets.Stub, "", StringComparison.Ordinal);
            Assert.DoesNotContain("trackPurchase", pieces, StringComparison.Ordinal);
            Assert.Contains("identify", pieces, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ShopifyPixel_FollowsPrivacyModeAndConsent()
    {
        string Pixel(params string[] on) => Snippets.Named("shopify").More(PlanOf(new SnippetOptions { On = on.ToHashSet() })).First().Code;

        Assert.Contains("checkout.email", Pixel(), StringComparison.Ordinal);
        Assert.DoesNotContain("checkout.email", Pixel(SnippetOptions.Privacy), StringComparison.Ordinal);
        Assert.Contains("""if (await cookie("ct_optout")) return;""", Pixel(), StringComparison.Ordinal);
        Assert.DoesNotContain("choice.analyticsProcessingAllowed) return;", Pixel(), StringComparison.Ordinal);
        Assert.Contains("if (!choice.analyticsProcessingAllowed) return;", Pixel(SnippetOptions.Consent), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.example.com b.example.com,,", "a.example.com,b.example.com", null)]
    [InlineData("https://a.example.com/x?y, A.Example.com", "a.example.com", null)]
    [InlineData("bücher.example", "xn--bcher-kva.example", null)]
    [InlineData("a.example.com, no_domain", "a.example.com", "no_domain")]
    [InlineData("\"><script>", null, "\"><script>")]
    [InlineData("example", null, "example")]
    public void Domains_AsTyped_BecomeAListOrAProblem(string typed, string? expected, string? wrong)
    {
        var options = new SnippetOptions { Domains = typed };

        Assert.Equal(expected, options.Attributes().SingleOrDefault(a => a.Name == "data-cross-domain").Value);
        Assert.Equal(wrong is null ? null : $"\"{wrong}\" is no domain. Write it as shop.example.com.", options.DomainsProblem);
    }

    [Theory]
    [InlineData("", null, true)]
    [InlineData("30", null, true)]
    [InlineData("1", "1", true)]
    [InlineData("1440", "1440", true)]
    [InlineData("0", null, false)]
    [InlineData("1441", null, false)]
    [InlineData("-5", null, false)]
    [InlineData("1.5", null, false)]
    [InlineData("soon", null, false)]
    public void Timeout_AsTyped_BecomesMinutesOrAProblem(string typed, string? expected, bool isFine)
    {
        var options = new SnippetOptions { Timeout = typed };

        Assert.Equal(expected, options.Attributes().SingleOrDefault(a => a.Name == "data-session-timeout").Value);
        Assert.Equal(isFine, options.TimeoutProblem is null);
    }

    [Theory]
    [InlineData("shop.example.com", "https://shop.example.com/q7x.js", "https://shop.example.com/q7x")]
    [InlineData("https://shop.example.com/some/path?x", "https://shop.example.com/q7x.js", "https://shop.example.com/q7x")]
    [InlineData("http://localhost:8080", "http://localhost:8080/q7x.js", "http://localhost:8080/q7x")]
    [InlineData("javascript:alert(1)", "https://track.example.com/t.js", null)]
    [InlineData("user:pass@shop.example.com", "https://track.example.com/t.js", null)]
    [InlineData("", "https://track.example.com/t.js", null)]
    public void OwnDomain_AsTyped_BecomesTheAddressOrAProblem(string typed, string script, string? collect)
    {
        var plan = PlanOf(new SnippetOptions { Address = ScriptAddress.Own, Host = typed });

        Assert.Equal(script, plan.Script);
        Assert.Equal(collect is null, plan.Options.HostProblem is not null);
        Assert.Equal(collect ?? "https://track.example.com/api/v1/collect", plan.Collect);
    }

    [Fact]
    public void Options_WrittenIntoAnAddress_AreReadBackTheSame()
    {
        foreach (var (name, options) in Choices())
        {
            var query = options.ToQuery().ToDictionary(p => p.Name, p => p.Value);
            var read = SnippetOptions.FromQuery(n => query[n]);
            Assert.True(options.On.SetEquals(read.On) && read == options with { On = read.On }, name);
        }
        Assert.All(new SnippetOptions().ToQuery(), p => Assert.Null(p.Value));
        var unknown = SnippetOptions.FromQuery(n => n is "on" ? "consent,everything" : n is "from" ? "moon" : null);
        Assert.Equal([SnippetOptions.Consent], unknown.On);
        Assert.Equal(ScriptAddress.App, unknown.Address);
    }

    [Fact]
    public void Alias_Chosen_IsThePathOfScriptAndIntake()
    {
        var plan = PlanOf(new SnippetOptions { Address = ScriptAddress.Alias });

        Assert.Equal(("https://track.example.com/q7x.js", "https://track.example.com/q7x"), (plan.Script, plan.Collect));
    }

    [Fact]
    public void Causes_ContentSecurityPolicy_NamesDirectivesAndOrigin()
    {
        string? Policy(SnippetOptions options) => Causes.Of(PlanOf(options), Snippets.Stacks[0]).Single(c => c.Code is not null).Code;

        Assert.Equal("script-src https://track.example.com; connect-src https://track.example.com", Policy(new()));
        Assert.Equal("script-src https://shop.example.com; connect-src https://shop.example.com", Policy(new() { Address = ScriptAddress.Own, Host = "shop.example.com" }));
    }

    [Fact]
    public void Causes_RequestsByHand_AreNotBlamedOnThePage() =>
        Assert.Equal(["Another key"], Causes.Of(PlanOf(new() { On = new HashSet<string> { SnippetOptions.Consent } }), Snippets.Named("http")).Select(c => c.What));

    [Theory]
    [InlineData(1, null, "1 event was refused in the last hour (timestamp too old).")]
    [InlineData(3, "timestamp is more than 7 days old.", "3 events were refused in the last hour (timestamp too old): timestamp is more than 7 days old.")]
    public void Causes_Refusal_IsCountedAndNamed(int count, string? detail, string expected) =>
        Assert.Equal(expected, Causes.InWords(new("timestamp_too_old", detail, count)));

    /// <summary>The scripts in a piece, with what a template engine or Tag Manager would put in replaced by a value.</summary>
    private static IEnumerable<(string Kind, string Code)> ScriptsOf(string stack, Piece piece)
    {
        var code = Liquid().Replace(Variable().Replace(Php().Replace(piece.Code, "null"), "null"), "");
        if (stack == "nextjs")
            return [("tsx", piece.Code)];
        if (stack == "http" || piece.Code.Contains("add_action(", StringComparison.Ordinal) && !piece.Code.Contains("<script", StringComparison.Ordinal))
            return []; // nothing for browsers
        if (!piece.Code.Contains("<script", StringComparison.Ordinal))
            return [("js", $"(async () => {{\n{piece.Code}\n}})")];
        return InScript().Matches(code).Where(m => m.Groups[1].Value.Trim().Length > 0).Select(m => (stack == "gtm" ? "es5" : "js", m.Groups[1].Value));
    }

    /// <summary>next/script's element as plain calls, to run it.</summary>
    private static string HandMade(string layout) => "var s = document.createElement('script');"
        + string.Concat(ScriptCheck.JsxAttribute().Matches(ScriptCheck.ScriptElement().Match(layout).Value)
            .Select(m => $"s.setAttribute({Quote.Js(m.Groups[1].Value)}, {(m.Groups[3].Success ? m.Groups[3].Value : Quote.Js(m.Groups[2].Value))});"));

    [GeneratedRegex(@"<script(?:\s[^>]*)?>(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex InScript();

    [GeneratedRegex(@"<\?php.*?(?:\?>|\z)", RegexOptions.Singleline)]
    private static partial Regex Php();

    [GeneratedRegex(@"\{\{.*?\}\}")]
    private static partial Regex Variable();

    [GeneratedRegex(@"\{%.*?%\}")]
    private static partial Regex Liquid();

    [GeneratedRegex(@"ClarityTracking\.(\w+)\(")]
    private static partial Regex Call();
}
