using System.Data.Common;
using ClarityTracking.Core;
using ClarityTracking.Core.Tenancy;
using ClarityTracking.Web.Account;
using Microsoft.AspNetCore.Components;
using Radzen;

namespace ClarityTracking.Web.Components.Shared;

/// <summary>
/// What every page of the dashboard needs: the caller, loading that ends in a value or a problem in words, and a token that ends with
/// the page. Data is loaded on the circuit only; the prerendered page is the skeleton, so nothing is queried twice.
/// </summary>
public abstract class PageBase : ComponentBase, IDisposable
{
    private readonly CancellationTokenSource _closing = new();
    private readonly CancellationToken _closed;
    private bool _isClosed;

    protected PageBase() => _closed = _closing.Token;

    [Inject]
    protected CurrentCaller CurrentCaller { get; set; } = default!;

    [Inject]
    protected Viewer Viewer { get; set; } = default!;

    [Inject]
    protected NavigationManager Navigation { get; set; } = default!;

    [Inject]
    protected NotificationService Notes { get; set; } = default!;

    [Inject]
    protected DialogService Dialogs { get; set; } = default!;

    [Inject]
    private TimeProvider Clock { get; set; } = default!;

    [Inject]
    private ILogger<PageBase> Log { get; set; } = default!;

    /// <summary>Ends when the viewer leaves the page.</summary>
    protected CancellationToken Closed => _closed;

    protected override async Task OnParametersSetAsync()
    {
        if (!RendererInfo.IsInteractive)
            return;
        await Viewer.ReadyAsync();
        await LoadAsync();
    }

    /// <summary>Loads what the page shows; called whenever its address changes, and by Retry.</summary>
    protected virtual Task LoadAsync() => Task.CompletedTask;

    /// <summary>Runs a query as the caller. What can be expected to go wrong becomes a problem in words.</summary>
    protected async Task<LoadState<T>> QueryAsync<T>(Func<Caller, CancellationToken, Task<Result<T>>> query)
    {
        var (result, trouble) = await AskAsync(query);
        if (result is { IsOk: true })
            return LoadState.Of(result.Value);
        var problem = result is null ? trouble : InWords(result.Error!);
        return problem is null ? new LoadState<T>() : LoadState.Failed<T>(problem);
    }

    /// <summary>Does something as the caller and tells them how it went.</summary>
    /// <param name="action">What to do.</param>
    /// <param name="done">What to say when it worked; null = nothing.</param>
    /// <param name="errors">Takes the refusal when a form shows it beside its fields; null = a note tells it.</param>
    /// <returns>The result, or null when it did not work.</returns>
    protected async Task<Result<T>?> DoAsync<T>(Func<Caller, CancellationToken, Task<Result<T>>> action, string? done = null, FormErrors? errors = null)
    {
        errors?.Take(null);
        var (result, trouble) = await AskAsync(action);
        if (result is { IsOk: true })
        {
            if (done is not null)
                Tell(NotificationSeverity.Success, done, null);
            return result;
        }
        if (result is not null && errors is not null)
            errors.Take(result.Error);
        else if ((result is null ? trouble : InWords(result.Error!)) is { } problem)
            Tell(NotificationSeverity.Error, problem.What, problem.Meaning);
        return null;
    }

    /// <summary>The result, or the problem that kept us from one; neither when the page is being left.</summary>
    private async Task<(Result<T>? Result, Problem? Trouble)> AskAsync<T>(Func<Caller, CancellationToken, Task<Result<T>>> query)
    {
        try
        {
            return (await query(await CurrentCaller.GetAsync(Closed), Closed), null);
        }
        catch (SignedOutException)
        {
            Navigation.NavigateTo("account/login", forceLoad: true);
            return (null, null);
        }
        catch (OperationCanceledException) when (_isClosed)
        {
            return (null, null);
        }
        catch (Exception error) when (IsDatabaseTrouble(error))
        {
            Log.LogWarning(error, "A page could not read or write its data");
            return (null, DatabaseAway);
        }
    }

    /// <summary>Runs something again and again while the page is open; one run never overlaps the next. What breaks goes to the error boundary.</summary>
    protected async Task PollAsync(TimeSpan every, Func<Task> run)
    {
        using var timer = new PeriodicTimer(every, Clock);
        try
        {
            while (await timer.WaitForNextTickAsync(Closed))
                await InvokeAsync(run);
        }
        catch (OperationCanceledException) when (_isClosed)
        {
            // The page was left.
        }
        catch (Exception error)
        {
            await DispatchExceptionAsync(error);
        }
    }

    /// <summary>Shows a note that goes away by itself.</summary>
    protected void Tell(NotificationSeverity severity, string what, string? more) =>
        Notes.Notify(new NotificationMessage { Severity = severity, Summary = what, Detail = more ?? "", Duration = 6000 });

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (!disposing || _isClosed)
            return;
        _isClosed = true;
        _closing.Cancel();
        _closing.Dispose();
    }

    /// <summary>The database is away or slow; everything else is a bug and goes to the error boundary.</summary>
    internal static bool IsDatabaseTrouble(Exception error) =>
        error is DbException or TimeoutException || error.InnerException is DbException or TimeoutException;

    private static Problem InWords(Error error) => error.Kind switch
    {
        ErrorKind.NotFound => new(error.Message, "It may have been deleted, or you are not a member of its workspace.", CanRetry: false),
        ErrorKind.Forbidden => new("You may not do this", error.Message, CanRetry: false),
        ErrorKind.Unauthorized => new("You are signed out", error.Message, CanRetry: false),
        ErrorKind.Invalid or ErrorKind.Conflict => new("That does not work", error.Message, CanRetry: true),
    };

    private static readonly Problem DatabaseAway = new("The database does not answer",
        "Nothing is lost: events that were accepted are stored. Retry in a moment.", CanRetry: true);
}
