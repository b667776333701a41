import type { Core } from "../../core";

/**
 * What could not be delivered is kept in localStorage and sent again with the same event ids: at most 200 events, none older than 7 days,
 * which is how long the server remembers an event id.
 */
const keptEvents = 200;
// what the core says when no answer came, or one without Retry-After: milliseconds
const unasked = 2000;
const keptFor = 7 * 864e5;
const batchSize = 50;
// the server takes 8 KiB in a request line
const longestImage = 7500;

export const watchRetries = (core: Core, getConfig: () => { apiKey: string; endpoint: string }): void => {
  const { on, guard, read, write, send } = core;
  let failures = 0;
  let notBefore = 0;
  let isDraining = false;

  /** Changes what is kept; returns what is kept now. Another tab, or another script, may have written there. */
  const change = guard((action: (kept: string[]) => string[]): string[] => {
    const kept = guard(() => [].concat(JSON.parse(read("retry") || "[]")) as string[])() || [];
    // the time stands first in an event's text
    const oldest = `{"timestamp":"${new Date(Date.now() - keptFor).toISOString()}`;
    // nothing of someone who opted out, not even what was under way
    const now = read("optout") ? [] : action(kept.filter((event) => event > oldest && event[0] == "{")).slice(-keptEvents);
    if (now.length || kept.length) write("retry", JSON.stringify(now), 0);
    return now;
  });
  const forget = (events: string[]): void => void change((kept) => kept.filter((event) => !events.includes(event)));

  /** Where a content security policy, or the page, forbids every other way, an image may still get through. True when it did. */
  const sendAsImage = (event: string): Promise<boolean> =>
    new Promise((done) => {
      const { apiKey, endpoint } = getConfig();
      const url = endpoint + "?body=" + encodeURIComponent(`{"apiKey":"${apiKey}","sent_at":${Date.now()},"events":[${event}]}`);
      if (url.length > longestImage || !navigator.onLine) return done(false);
      const image = new Image();
      image.onload = () => done(true);
      image.onerror = () => done(false);
      image.src = url;
    });

  /** Sends what an earlier try, or an earlier page, could not deliver. */
  const drain = async (): Promise<void> => {
    if (isDraining) return;
    isDraining = true;
    try {
      for (let kept; Date.now() >= notBefore && (kept = change((events) => events))?.length; ) {
        const events = kept.slice(0, batchSize);
        const wait = await send(events);
        // the server is not to be had, or the page may not ask it: it names no time to wait
        if (wait === unasked && (await sendAsImage(events[0]))) sent([events[0]], 0);
        else sent(events, wait);
      }
    } catch {
      // what is kept goes with the next try
    }
    isDraining = false;
  };

  const sent = (events: string[], wait: number): void => {
    if (!wait) {
      forget(events);
      failures = notBefore = 0;
      return;
    }
    core.keep!(events);
    // exponential, 2 s to 5 min, and jitter so that a thousand pages do not come back together; never earlier than the server asks
    wait = Math.max(wait, Math.min(1000 * 2 ** ++failures, 3e5) * (0.75 + Math.random() / 4));
    notBefore = Date.now() + wait;
    setTimeout(drain, wait);
  };

  core.keep = (events) => void change((kept) => kept.concat(events.filter((event) => !kept.includes(event))));
  core.sent = guard((events: string[], wait: number) => {
    sent(events, wait);
    if (!wait) void drain();
  }) as Core["sent"];
  core.defer = (events) => {
    // a beacon would be taken, and forgotten
    if (Date.now() >= notBefore && navigator.onLine) return false;
    core.keep!(events);
    return true;
  };
  on(window, "online", () => {
    // the network is back: no reason to wait any longer
    notBefore = 0;
    void drain();
  });
  void drain();
};
