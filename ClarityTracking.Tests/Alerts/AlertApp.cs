using System.Net.Http.Json;
using System.Text.Json;
using ClarityTracking.Core.Alerts;
using ClarityTracking.Tests.Support;
using ClarityTracking.Tests.Vectors;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace ClarityTracking.Tests.Alerts;

/// <summary>The app without workers, so that nothing is measured or sent but by <see cref="TickAsync"/>, with a clock, a mail server and receivers of its own.</summary>
public sealed class AlertApp : AppFixture
{
    /// <summary>A Monday.</summary>
    public static readonly DateTimeOffset Start = new(2027, 3, 1, 9, 0, 0, TimeSpan.Zero);

    private readonly MovableClock _clock = new(Start);
    private int _names;

    public DateTimeOffset Now { get => _clock.Now; set => _clock.Now = value; }

    public MailServer Mail { get; } = MailServer.Start();

    public AlertReceivers Receivers { get; private set; } = null!;

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["Clarity:Roles"] = "web,collect",
        ["Clarity:AllowPrivateNetworks"] = "true",
        ["Clarity:PublicUrl"] = "https://clarity.example.com/",
        ["Clarity:Smtp:Host"] = "127.0.0.1",
        ["Clarity:Smtp:Port"] = Mail.Port.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ["Clarity:Smtp:User"] = MailServer.User,
        ["Clarity:Smtp:Password"] = MailServer.Password,
        ["Clarity:Smtp:From"] = "alerts@clarity.example.com",
        ["Clarity:Smtp:Tls"] = "none",
    };

    public override async Task InitializeAsync()
    {
        Receivers = await AlertReceivers.StartAsync(_clock);
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Receivers.DisposeAsync();
        await Mail.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.ConfigureTestServices(services => services.AddSingleton<TimeProvider>(_clock));
    }

    /// <summary>What the job does each minute, and the sender after it.</summary>
    public async Task<AlertRun> TickAsync()
    {
        var run = await Services.GetRequiredService<AlertEvaluator>().RunAsync(null, CancellationToken.None);
        await Services.GetRequiredService<AlertComposer>().ComposeAsync(CancellationToken.None);
        await Services.GetRequiredService<AlertDigests>().ComposeDueAsync(CancellationToken.None);
        await Services.GetRequiredService<AlertSender>().SendDueAsync(CancellationToken.None);
        return run;
    }

    /// <summary>Minute by minute.</summary>
    public async Task PassAsync(int minutes)
    {
        for (var minute = 0; minute < minutes; minute++)
        {
            Now += TimeSpan.FromMinutes(1);
            await TickAsync();
        }
    }

    /// <summary>A new workspace with a website and a channel of each kind; what other tests left is gone.</summary>
    internal async Task<AlertTenant> TenantAsync(bool withChannels = true)
    {
        await RunAsync("DELETE FROM websites; DELETE FROM alert_channels");
        Receivers.Down = null;
        Mail.IsDown = false;
        var account = await RegisterAsync();
        var tenant = new AlertTenant(this, account, await CreateWebsiteAsync(account), $"t{Interlocked.Increment(ref _names)}");
        if (withChannels)
        {
            await tenant.ChannelAsync(new { kind = "email", name = "Mail", settings = new { to = new[] { $"{tenant.Name}@example.com" } } });
            var hook = await tenant.ChannelAsync(new { kind = "webhook", name = "Hook", settings = new { url = $"{Receivers.Url}/hook/{tenant.Name}" } });
            Receivers.Keys[tenant.Name] = Convert.FromBase64String(hook.GetProperty("secret").GetString()!["whsec_".Length..]);
            await tenant.ChannelAsync(new { kind = "slack", name = "Slack", credentials = new { url = $"{Receivers.Url}/slack/{tenant.Name}" } });
            await tenant.ChannelAsync(new { kind = "teams", name = "Teams", credentials = new { url = $"{Receivers.Url}/teams/{tenant.Name}" } });
        }
        return tenant;
    }
}

/// <summary>A workspace with a website and what its alerts came to.</summary>
internal sealed record AlertTenant(AlertApp App, Account Account, NewSite Site, string Name)
{
    /// <summary>As the website's secret key: that never runs out, however far the clock moves.</summary>
    public HttpClient Client => App.ClientFor(Site.SecretKey);

    public async Task<HttpClient> PersonAsync()
    {
        using var anonymous = App.Anonymous();
        return App.ClientFor((await AppFixture.JsonOf(await anonymous.PostAsJsonAsync("/api/login", new { email = Account.Email, password = Account.Password }))).GetProperty("accessToken").GetString()!);
    }

    public async Task<JsonElement> ChannelAsync(object values)
    {
        using var client = await PersonAsync();
        return await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/workspaces/{Site.WorkspaceId}/alert-channels", values));
    }

    public async Task<Guid> ConnectionAsync(string name = "Meta", NewSite? site = null)
    {
        using var client = await PersonAsync();
        return (await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{(site ?? Site).Id}/connections",
            new { platform = "meta", name, settings = new { dataset_id = "1" }, credentials = new { access_token = "secret" } }))).GetProperty("id").GetGuid();
    }

    public async Task StateAsync(Guid connection, string state, string? reason)
    {
        await using var database = NpgsqlDataSource.Create(App.ConnectionString);
        await using var command = database.CreateCommand("UPDATE connections SET state = $2, state_reason = $3, state_changed_at = $4 WHERE id = $1");
        foreach (var value in (object[])[connection, state, reason ?? (object)DBNull.Value, App.Now])
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Adds to the hourly sums of events.</summary>
    public Task EventsAsync(string name, DateTimeOffset hour, long events) => App.RunAsync($"""
        INSERT INTO event_rollups VALUES ('{Site.WorkspaceId}', '{Site.Id}', date_trunc('hour', '{hour:O}'::timestamptz, 'UTC'), '{name}', false, {events}, 0)
            ON CONFLICT (workspace_id, website_id, hour, name, is_test) DO UPDATE SET events = excluded.events
        """);

    /// <summary>Adds a minute of events to the sums of minutes and hours; the last of them at its end.</summary>
    public Task MinuteAsync(string name, string source, DateTimeOffset minute, int events) => App.RunAsync($"""
        INSERT INTO volume_minutes VALUES ('{Site.WorkspaceId}', '{Site.Id}', date_trunc('minute', '{minute:O}'::timestamptz), '{name}', '{source}', {events}, '{minute:O}'::timestamptz + interval '57 seconds')
            ON CONFLICT (workspace_id, website_id, minute, name, source) DO UPDATE SET events = volume_minutes.events + excluded.events, last_at = excluded.last_at;
        INSERT INTO volume_hours VALUES ('{Site.WorkspaceId}', '{Site.Id}', date_trunc('hour', '{minute:O}'::timestamptz, 'UTC'), '{name}', '{source}', {events})
            ON CONFLICT (workspace_id, website_id, hour, name, source) DO UPDATE SET events = volume_hours.events + excluded.events;
        INSERT INTO event_rollups VALUES ('{Site.WorkspaceId}', '{Site.Id}', date_trunc('hour', '{minute:O}'::timestamptz, 'UTC'), '{name}', false, {events}, 0)
            ON CONFLICT (workspace_id, website_id, hour, name, is_test) DO UPDATE SET events = event_rollups.events + excluded.events
        """);

    public async Task<IReadOnlyList<JsonElement>> AlertsAsync(string query = "")
    {
        using var client = Client;
        return [.. (await AppFixture.JsonOf(await client.GetAsync($"/api/websites/{Site.Id}/alerts{query}"))).GetProperty("items").EnumerateArray()];
    }

    public async Task<JsonElement> AlertAsync() => Assert.Single(await AlertsAsync());

    public async Task<JsonElement> DetailsAsync()
    {
        using var person = await PersonAsync();
        return await AppFixture.JsonOf(await person.GetAsync($"/api/websites/{Site.Id}/alerts/{(await AlertAsync()).GetProperty("id").GetGuid()}"));
    }

    public async Task<JsonElement> ActAsync(string act, object? body = null)
    {
        using var client = Client;
        return await AppFixture.JsonOf(await client.PostAsJsonAsync($"/api/websites/{Site.Id}/alerts/{(await AlertAsync()).GetProperty("id").GetGuid()}/{act}", body ?? new { }));
    }

    public async Task RulesAsync(object values)
    {
        using var client = Client;
        await AppFixture.JsonOf(await client.PutAsJsonAsync($"/api/websites/{Site.Id}/alert-rules", values));
    }

    /// <summary>How many messages came: by mail, webhook, Slack, Teams.</summary>
    public (int Mail, int Hook, int Slack, int Teams) Came =>
        (App.Mail.To($"{Name}@example.com").Count, App.Receivers.Of("hook", Name).Count, App.Receivers.Of("slack", Name).Count, App.Receivers.Of("teams", Name).Count);
}
