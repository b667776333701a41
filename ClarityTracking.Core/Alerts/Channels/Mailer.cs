using System.Net;
using System.Net.Mail;
using System.Text;
using Microsoft.Extensions.Options;

namespace ClarityTracking.Core.Alerts.Channels;

/// <summary>The operator's mail server; settings <c>Clarity:Smtp</c>.</summary>
public sealed class SmtpOptions : IValidateOptions<SmtpOptions>
{
    /// <summary>Host name; empty = this installation sends no mail.</summary>
    public string Host { get; set; } = "";

    /// <summary>587 for submission with STARTTLS.</summary>
    public int Port { get; set; } = 587;

    /// <summary>Name to sign in with; empty = no sign-in.</summary>
    public string User { get; set; } = "";

    public string Password { get; set; } = "";

    /// <summary>Sender's address.</summary>
    public string From { get; set; } = "";

    /// <summary><c>starttls</c> or <c>none</c>. TLS from the first byte (port 465) is not supported.</summary>
    public string Tls { get; set; } = "starttls";

    /// <summary>Can mail be sent?</summary>
    public bool IsConfigured => Host.Length > 0;

    /// <inheritdoc />
    public ValidateOptionsResult Validate(string? name, SmtpOptions options)
    {
        if (!options.IsConfigured)
            return ValidateOptionsResult.Success;
        if (!MailAddress.TryCreate(options.From, out _))
            return ValidateOptionsResult.Fail("Clarity__Smtp__From must be the sender's email address.");
        if (options.Port is < 1 or > 65535)
            return ValidateOptionsResult.Fail("Clarity__Smtp__Port must be a port number; 587 is the usual one.");
        return options.Tls is "starttls" or "none" ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail("Clarity__Smtp__Tls must be starttls or none. TLS from the first byte (port 465) is not supported; use port 587.");
    }
}

/// <summary>Sends mail through the operator's server.</summary>
public sealed class Mailer(IOptions<SmtpOptions> options)
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(20);

    /// <summary>Can mail be sent?</summary>
    public bool IsConfigured => options.Value.IsConfigured;

    /// <summary>Sends one text to some addresses.</summary>
    /// <param name="to">Addresses, checked before.</param>
    /// <param name="subject">One line.</param>
    /// <param name="text">Plain text.</param>
    /// <param name="id">The same on each try, so that a mailbox can recognise a repetition.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<ChannelAnswer> SendAsync(IReadOnlyList<string> to, string subject, string text, Guid id, CancellationToken cancel)
    {
        var smtp = options.Value;
        if (!smtp.IsConfigured)
            return new ChannelAnswer(false, "This installation has no mail server; the operator sets Clarity__Smtp__Host.");
        using var client = new SmtpClient(smtp.Host, smtp.Port) { EnableSsl = smtp.Tls == "starttls", DeliveryMethod = SmtpDeliveryMethod.Network };
        if (smtp.User.Length > 0)
            client.Credentials = new NetworkCredential(smtp.User, smtp.Password);
        using var message = new MailMessage { From = new MailAddress(smtp.From, "ClarityTracking"), Subject = subject, SubjectEncoding = Encoding.UTF8, Body = text, BodyEncoding = Encoding.UTF8 };
        foreach (var address in to)
            message.To.Add(address);
        message.Headers.Add("Message-ID", $"<{id:N}@{new MailAddress(smtp.From).Host}>");
        message.Headers.Add("Auto-Submitted", "auto-generated"); // RFC 3834: no out-of-office answers
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeLimit); // the client's own time limit does not hold for asynchronous calls
        try
        {
            await client.SendMailAsync(message, limit.Token);
            return new ChannelAnswer(true, $"The mail server took it for {string.Join(", ", to)}.");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new ChannelAnswer(false, "The mail server did not answer in time.");
        }
        catch (Exception error) when (error is SmtpException or IOException or InvalidOperationException)
        {
            // the inner message names the cause: a refused connection, an unknown host
            return new ChannelAnswer(false, $"The mail server did not take it: {error.InnerException?.Message ?? error.Message}");
        }
    }
}
