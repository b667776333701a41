import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { CookieJar } from "./cookie-jar";

export const clock = 1763700000123;

export interface Sent {
  beacon: boolean;
  keepalive: boolean;
  url: string;
  body: string;
  events: any[];
}

export interface Answer {
  status: number;
  retryAfter?: string;
}

export interface PageOptions {
  url?: string;
  referrer?: string;
  attributes?: Record<string, string>;
  cookies?: Record<string, string>;
  jar?: CookieJar;
  storage?: Map<string, string>;
  noStorage?: boolean;
  gpc?: boolean;
  dnt?: string;
  /** The page is opened in a tab that nobody looks at. */
  hidden?: boolean;
  prerendering?: boolean;
  /** Whether session_start, session_end and page_exit are among what the page sent. */
  lifecycle?: boolean;
  /** The tag says type="module", where a script cannot find its tag. */
  module?: boolean;
  /** False: the files that come after the core never arrive. */
  files?: boolean;
  now?: number;
  /** What Math.random answers. */
  random?: number;
  /** Runs in the page before the script. */
  before?: string;
  answer?: (sent: Sent) => Answer | "offline";
  beacons?: (sent: Sent) => boolean;
}

const script = (file: string): string => readFileSync(`${process.env.TRACKER}/${file}`, "utf8");
const code = script("t.js");

interface ScriptTag {
  src: string;
  dataset: Record<string, string>;
  nonce?: string;
  onerror?: () => void;
}

/** A page with the shipped script in it: enough of a browser to watch what the script does, with a clock that only moves when told. */
export class Page {
  readonly sent: Sent[] = [];
  readonly warnings: unknown[][] = [];
  /** Addresses of the files the script asked for. */
  readonly requested: string[] = [];
  readonly jar: CookieJar;
  readonly storage: Map<string, string>;
  title = "Title";
  answer: (sent: Sent) => Answer | "offline";
  private readonly context: object;
  private readonly listeners: { name: string; listener: (event: object) => void }[] = [];
  private readonly document: any;
  private timers: { id: number; at: number; action: () => void }[] = [];
  private readonly tag: ScriptTag;
  private readonly files: boolean;
  private readonly isModule: boolean;
  private url: URL;

  constructor(options: PageOptions = {}) {
    this.url = new URL(options.url ?? "https://www.example.com/");
    this.jar = options.jar ?? new CookieJar();
    this.now = options.now ?? clock;
    this.storage = options.storage ?? new Map();
    this.answer = options.answer ?? (() => ({ status: 202 }));
    const host = this.url.hostname;
    for (const [name, value] of Object.entries(options.cookies ?? {})) this.jar.set(host, `${name}=${value}`);

    const page = this;
    const listen = (name: string, listener: (event: object) => void) => void this.listeners.push({ name, listener });
    const denied = (): never => {
      throw new Error("SecurityError");
    };
    const record = (beacon: boolean, url: string, body: string, keepalive: boolean): Sent => {
      const all = JSON.parse(body).events;
      const events = all.filter((event: any) => options.lifecycle || !/^(session_|page_exit)/.test(event.event_type));
      const one = { beacon, keepalive, url, body, events };
      if (events.length) this.sent.push(one);
      return one;
    };
    let timerIds = 0;
    this.files = options.files ?? true;
    this.isModule = options.module ?? false;
    this.tag = { src: "https://track.example.net/t.js", dataset: { apikey: "pk_test_1", ...options.attributes } };

    this.document = {
      hidden: options.hidden ?? false,
      prerendering: options.prerendering,
      referrer: options.referrer ?? "",
      documentElement: { scrollHeight: 4000 },
      hasFocus: () => !this.document.hidden,
      createElement: () => ({}),
      head: { append: (tag: ScriptTag) => this.loadLater(tag) },
      addEventListener: listen,
      get title() {
        return page.title;
      },
      get cookie() {
        return options.noStorage ? denied() : page.jar.get(host);
      },
      set cookie(text: string) {
        if (options.noStorage) denied();
        page.jar.set(host, text);
      },
    };
    const go = (_state: unknown, _title: string, to?: string) => void (to && (this.url = new URL(to, this.url)));
    const globals = {
      document: this.document,
      get location() {
        return page.url;
      },
      history: { pushState: go, replaceState: go },
      navigator: {
        globalPrivacyControl: options.gpc,
        doNotTrack: options.dnt ?? null,
        onLine: true,
        sendBeacon: (url: string, body: string) => {
          const one = record(true, url, body, true);
          const isTaken = options.beacons?.(one) ?? true;
          if (!isTaken && this.sent.includes(one)) this.sent.pop();
          return isTaken;
        },
      },
      fetch: async (url: string, init: { body: string; keepalive: boolean }) => {
        const answer = this.answer(record(false, url, init.body, init.keepalive));
        if (answer === "offline") throw new TypeError("Failed to fetch");
        return {
          status: answer.status,
          headers: { get: (name: string) => (name === "Retry-After" ? (answer.retryAfter ?? null) : null) },
          text: async () => "{}",
        };
      },
      addEventListener: listen,
      innerHeight: 1000,
      scrollY: 0,
      setTimeout: (action: () => void, wait = 0) => {
        this.timers.push({ id: ++timerIds, at: this.now + wait, action });
        return timerIds;
      },
      clearTimeout: (id: number) => void (this.timers = this.timers.filter((timer) => timer.id !== id)),
      console: { warn: (...words: unknown[]) => void this.warnings.push(words) },
      crypto,
      URL,
      clock: () => this.now,
      random: options.random,
      get localStorage() {
        if (options.noStorage) return denied();
        return new Proxy(
          {},
          {
            get: (_, name) => page.storage.get(String(name)),
            set: (_, name, value) => !!page.storage.set(String(name), String(value)),
          },
        );
      },
    };
    this.context = createContext(globals);
    this.run("var window = globalThis; Date.now = clock; if (random) Math.random = () => random;" + (options.before ?? ""));
    this.load();
  }

  get now(): number {
    return this.jar.now;
  }

  set now(time: number) {
    this.jar.now = time;
  }

  /** Runs the shipped script, as its tag does. */
  load(): void {
    this.document.currentScript = this.isModule ? null : this.tag;
    this.run(code);
    this.document.currentScript = null;
  }

  /** Files that the script loads itself: page.js runs at once, the others need a real browser. */
  private loadLater(tag: ScriptTag): void {
    const file = tag.src.replace(/.*\/|\?.*/g, "");
    this.requested.push(tag.src);
    if (file !== "page.js" || !this.files) return;
    this.document.currentScript = tag;
    this.run(script(file));
    this.document.currentScript = null;
  }

  /** Runs a line of the page's own script; an error of the tracker in it would fail the test. */
  run(line: string): any {
    return runInContext(line, this.context);
  }

  /** Moves the clock, fires what is due in order, and lets answers arrive. */
  async wait(milliseconds: number): Promise<void> {
    const until = this.now + milliseconds;
    for (;;) {
      await new Promise<void>((done) => setImmediate(done));
      const [next] = this.timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.now = Math.max(this.now, next.at);
      next.action();
    }
    this.now = until;
    await new Promise<void>((done) => setImmediate(done));
  }

  fire(name: string, event: object = {}): void {
    for (const known of this.listeners.filter((known) => known.name === name)) known.listener(event);
  }

  async hide(): Promise<void> {
    this.document.hidden = true;
    this.fire("visibilitychange");
    this.fire("pagehide");
    await this.wait(0);
  }

  async show(): Promise<void> {
    this.document.hidden = false;
    this.fire("visibilitychange");
    await this.wait(0);
  }

  scrollTo(y: number): void {
    this.run(`scrollY = ${y}`);
    this.fire("scroll");
  }

  /** Follows a link inside the page. */
  go(fragment: string): void {
    this.url = new URL(fragment, this.url);
    this.fire("popstate");
  }

  async activate(): Promise<void> {
    this.document.prerendering = false;
    this.fire("prerenderingchange");
    await this.wait(20);
  }

  /** Every event that left, in order, without repeats. */
  get events(): any[] {
    const seen = new Set<string>();
    return this.sent.flatMap((sent) => sent.events).filter((event) => !seen.has(event.event_id) && seen.add(event.event_id));
  }

  get types(): string[] {
    return this.events.map((event) => event.event_type);
  }
}

export const open = async (options?: PageOptions): Promise<Page> => {
  const page = new Page(options);
  await page.wait(20);
  return page;
};
