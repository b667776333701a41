using ClarityTracking.Core;
using ClarityTracking.Core.Data;
using ClarityTracking.Web.Account;
using ClarityTracking.Web.Components;
using ClarityTracking.Web.Endpoints;
using ClarityTracking.Web.Hosting;
using ClarityTracking.Web.Security;

var builder = WebApplication.CreateBuilder(args);
await using var installation = await Installation.PrepareAsync(builder.Configuration, builder.Environment, CancellationToken.None);

// `dotnet run` without settings listens where the README says; --urls, ASPNETCORE_URLS and ASPNETCORE_HTTP_PORTS win.
if (builder.Configuration["urls"] is null && builder.Configuration["http_ports"] is null)
    builder.WebHost.UseUrls("http://localhost:5080");
builder.WebHost.UseStaticWebAssets();

builder.Services.AddClarityCore(installation.ConnectionString, installation.MasterKey);
builder.Services.AddClaritySecurity(builder.Configuration);
builder.Services.AddApi();

// Dashboard: pages on circuits, sign-in by cookie
builder.Services.AddAccountCookies();
builder.Services.AddDashboard();

var app = builder.Build();
await DataServices.MigrateAsync(app.Services, CancellationToken.None);

app.UseClaritySecurity();
app.UseAntiforgery();

app.MapStaticAssets();
app.MapCollect();
app.MapApi();
app.MapDashboard();

await app.RunAsync();
