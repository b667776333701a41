using ClarityTracking.Core.Conversions;
using ClarityTracking.Core.Inbound;
using ClarityTracking.Web.Components.Shared;
using Microsoft.AspNetCore.Components;

namespace ClarityTracking.Web.Components.Pages.Bookings;

/// <summary>One conversion. Follows what happens to it while it is open and in front.</summary>
public sealed partial class BookingPanel(ConversionQueries conversions)
{
    private static readonly TimeSpan LookAgainEvery = TimeSpan.FromSeconds(3);
    private Task? _looking;

    [Parameter, EditorRequired]
    public Guid WebsiteId { get; set; }

    [Parameter, EditorRequired]
    public Guid BookingId { get; set; }

    /// <summary>Name of where it came from.</summary>
    [Parameter, EditorRequired]
    public Func<ConversionInfo, string> SourceOf { get; set; } = default!;

    private LoadState<ConversionInfo> Booking { get; set; } = new();

    protected override async Task LoadAsync()
    {
        if (!Booking.IsLoaded) // the page around renders again and again
            await ReadAsync();
        _looking ??= PollAsync(LookAgainEvery, LookAgainAsync);
    }

    private async Task ReadAsync() => Booking = await QueryAsync((caller, cancel) => conversions.GetAsync(caller, WebsiteId, BookingId, cancel));

    private async Task LookAgainAsync()
    {
        if (!Booking.IsLoaded || !await Viewer.IsVisibleAsync())
            return;
        await ReadAsync();
        StateHasChanged();
    }

    private static string Dot(InboundAction action) => action switch
    {
        InboundAction.BookingCompleted or InboundAction.OrderPaid or InboundAction.PaymentSucceeded or InboundAction.MembershipActivated or InboundAction.DealWon => "good",
        InboundAction.BookingNoShow or InboundAction.PaymentFailed => "bad",
        InboundAction.BookingCanceled or InboundAction.OrderDeleted or InboundAction.Refund => "warn",
        _ => "info",
    };

    private string Detail(ConversionStep step)
    {
        string?[] parts =
        [
            step.Value is { } value ? Words.Money(value, step.Currency) : null,
            step.RefundedTotal is { } total and > 0 ? $"{Words.Money(total, step.Currency)} refunded in all" : null,
            step.StartsAt is { } start ? $"starts {Viewer.Exact(start)}" : null,
            step.SenderStatus,
        ];
        return string.Concat(parts.OfType<string>().Select(part => $" · {part}"));
    }
}
