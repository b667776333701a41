using Microsoft.Playwright;
namespace ClarityTracking.Tests.Journeys;
public sealed partial class SourcesTests { static Task ShootAsync(IPage page, string name) => Shots.TakeAsync(page, name); }
static class Shots {
  public static async Task TakeAsync(IPage page, string name) {
    if (Environment.GetEnvironmentVariable("CLARITY_SHOTS") is not { Length: > 0 } folder) return;
    await page.WaitForTimeoutAsync(300);
    await page.ScreenshotAsync(new() { Path = $"{folder}/{name}-light.png" });
    await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
    await page.WaitForTimeoutAsync(200);
    await page.ScreenshotAsync(new() { Path = $"{folder}/{name}-dark.png" });
    await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
    await page.SetViewportSizeAsync(390, 844);
    await page.WaitForTimeoutAsync(300);
    await page.ScreenshotAsync(new() { Path = $"{folder}/{name}-390.png", FullPage = true });
    await page.SetViewportSizeAsync(1280, 860);
    await page.WaitForTimeoutAsync(200);
  }
}
