using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Tests.Support;

namespace ClarityTracking.Tests.Endpoints;

public sealed class SignInTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task Register_NewEmail_AnswersWorkspaceAndWorkingTokens()
    {
        var account = await app.RegisterAsync();
        using var client = app.ClientFor(account);
        var workspaces = (await AppFixture.JsonOf(await client.GetAsync("/api/workspaces"))).GetProperty("items");
        var workspace = Assert.Single(workspaces.EnumerateArray());
        Assert.Equal(account.WorkspaceId, workspace.GetProperty("id").GetGuid());
        Assert.Equal("owner", workspace.GetProperty("role").GetString());
    }

    [Theory]
    [InlineData("""{"email":"no-at-sign","password":"long enough"}""", "email")]
    [InlineData("""{"email":"a b@example.com","password":"long enough"}""", "email")]
    [InlineData("""{"email":"nul\u0000@example.com","password":"long enough"}""", "email")]
    [InlineData("""{"email":"short@example.com","password":"1234567"}""", "password")]
    [InlineData("""{"email":"none@example.com"}""", "password")]
    [InlineData("""{"email":"name@example.com","password":"long enough","name":"a\u0000b"}""", "name")]
    [InlineData("""{"password":"long enough"}""", "email")]
    public async Task Register_BadField_IsRefusedWithItsName(string body, string field)
    {
        var problem = await AppFixture.ProblemOf(await PostAsync("/api/register", body), 422);
        Assert.Equal("validation_failed", problem.GetProperty("code").GetString());
        Assert.True(problem.GetProperty("errors").TryGetProperty(field, out _), problem.ToString());
    }

    [Fact]
    public async Task Register_SameEmailInOtherCase_IsAConflict()
    {
        await app.RegisterAsync("twice@example.com");
        var problem = await AppFixture.ProblemOf(await PostAsync("/api/register", """{"email":"TWICE@example.com","password":"long enough"}"""), 409);
        Assert.Equal("email_taken", problem.GetProperty("code").GetString());
    }

    [Fact]
    public async Task Register_ManyAtOnceOnAnEmptyInstallation_MakesOneOperator()
    {
        await using var fresh = new AppFixture();
        await fresh.InitializeAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => fresh.RegisterAsync($"first{i}@example.com")));
        Assert.Equal(1L, await fresh.ValueAsync<long>("SELECT count(*) FROM users WHERE is_operator"));
        Assert.Equal(8L, await fresh.ValueAsync<long>("SELECT count(*) FROM users"));
    }

    [Fact]
    public async Task Login_RightPassword_AnswersTokens_AndRefreshRenewsThem()
    {
        var account = await app.RegisterAsync();
        var login = await AppFixture.JsonOf(await PostAsync("/api/login", JsonSerializer.Serialize(new { email = account.Email, password = account.Password })));
        Assert.Equal("Bearer", login.GetProperty("tokenType").GetString());
        Assert.Equal(3600, login.GetProperty("expiresIn").GetInt64());
        var fresh = await AppFixture.JsonOf(await PostAsync("/api/refresh", JsonSerializer.Serialize(new { refreshToken = login.GetProperty("refreshToken").GetString() })));
        using var client = app.ClientFor(fresh.GetProperty("accessToken").GetString()!);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/websites")).StatusCode);
    }

    [Fact]
    public async Task Login_UnknownEmailAndWrongPassword_AnswerTheSame()
    {
        var account = await app.RegisterAsync();
        var wrong = await AppFixture.ProblemOf(await PostAsync("/api/login", JsonSerializer.Serialize(new { email = account.Email, password = "wrong" })), 401);
        var unknown = await AppFixture.ProblemOf(await PostAsync("/api/login", """{"email":"nobody@example.com","password":"wrong"}"""), 401);
        Assert.Equal(wrong.GetProperty("detail").GetString(), unknown.GetProperty("detail").GetString());
        Assert.Equal("invalid_credentials", wrong.GetProperty("code").GetString());
        Assert.Equal("invalid_credentials", unknown.GetProperty("code").GetString());
    }

    [Fact]
    public async Task Login_AfterFiveWrongPasswords_IsLockedEvenForTheRightOne()
    {
        var account = await app.RegisterAsync();
        for (var i = 0; i < 5; i++)
            await PostAsync("/api/login", JsonSerializer.Serialize(new { email = account.Email, password = "wrong" }));
        var right = await PostAsync("/api/login", JsonSerializer.Serialize(new { email = account.Email, password = account.Password }));
        Assert.Equal(HttpStatusCode.Unauthorized, right.StatusCode);
    }

    [Fact]
    public async Task Tokens_AfterTheSecurityStampChanged_AreEnded()
    {
        var account = await app.RegisterAsync();
        await app.RunAsync($"UPDATE users SET security_stamp = 'CHANGED' WHERE id = '{account.UserId}'");
        using var client = app.ClientFor(account);
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("/api/websites")).StatusCode);
        var problem = await AppFixture.ProblemOf(await PostAsync("/api/refresh", JsonSerializer.Serialize(new { refreshToken = account.RefreshToken })), 401);
        Assert.Equal("invalid_refresh_token", problem.GetProperty("code").GetString());
    }

    [Fact]
    public async Task Tokens_UsedForEachOther_AreRefused()
    {
        var account = await app.RegisterAsync();
        using var client = app.ClientFor(account.RefreshToken);
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("/api/websites")).StatusCode);
        await AppFixture.ProblemOf(await PostAsync("/api/refresh", JsonSerializer.Serialize(new { refreshToken = account.AccessToken })), 401);
    }

    [Fact]
    public async Task KeyRing_Stored_IsNotReadable()
    {
        await app.RegisterAsync();
        var xml = await app.ValueAsync<string>("SELECT string_agg(xml, '') FROM data_protection_keys");
        Assert.Contains("<sealed", xml, StringComparison.Ordinal);
        Assert.DoesNotContain("masterKey", xml, StringComparison.OrdinalIgnoreCase);
    }

    private async Task<HttpResponseMessage> PostAsync(string path, string body)
    {
        using var client = app.Anonymous();
        return await client.PostAsync(path, new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
    }
}
