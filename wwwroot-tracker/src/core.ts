/** What the core and the files it loads later share: types only, and one look-up. Each file is a bundle of its own. */

export type Fields = Record<string, unknown>;

export interface Click {
  value: string;
  /** ISO 8601, UTC. */
  first_seen: string;
}

/** An event as it is sent (docs: POST /api/v1/collect). */
export interface TrackedEvent {
  event_id: string;
  event_type: string;
  timestamp: string;
  session_id?: string;
  visitor_id?: string;
  properties: Fields;
  user?: Fields;
  click_ids: Record<string, Click>;
  cookies: Record<string, string | undefined>;
  consent: Record<string, string | undefined>;
}

/** What the core hands to the files it loads later: `ClarityTracking._`. */
export interface Core {
  /** The tag's attributes: `data-auto-identify` is `autoIdentify`. */
  data: DOMStringMap;
  /** Where the later files, and the endpoints beside them, stand: `https://host/t/`. */
  base: string;
  /** Loads another file once. */
  load(file: string): void;
  /** Wraps a function so that it never throws into the page; with data-debug it says so in the console. */
  guard<A extends unknown[], R>(action: (...args: A) => R): (...args: A) => R | undefined;
  /** A guarded listener in the capture phase, passive. */
  on(target: EventTarget, name: string, listener: (event: any) => void): void;
  /** Records an event: a standard type as itself, any other name as custom. Fields may hold `eventId`. */
  track(name: string, fields?: Fields): void;
  /** `type` is `auto_identify` for what the page did not say itself. */
  identify(email?: string, traits?: Fields, type?: string): void;
  /** The events of this page so far, oldest first. Whoever wants the later ones replaces its `push` and calls the old one first. */
  seen: TrackedEvent[];
  /** Every click id known of this visitor. */
  clicks(): Record<string, Click>;
  /** Our own storage; "" when absent. */
  read(name: string): string;
  /** Kept in localStorage, and for so many days in a cookie; 0 = never in a cookie. */
  write(name: string, value: string, cookieDays?: number): void;
  /** Set by privacy.js: changes an event before it is serialised, and an identity before it is kept. */
  clean?(event: Partial<TrackedEvent>): void;
  /** 0 when the server took the events (JSON texts) or never will, else the milliseconds to wait before they may be sent again. */
  send(events: string[]): Promise<number>;
  /** Keeps events (JSON texts, `timestamp` first) for a later try. */
  keep?(events: string[]): void;
  /** An answer came, or none: as `send` says. */
  sent?(events: string[], wait: number): void;
  /** True when nothing may be sent now; the events were kept for later. */
  defer?(events: string[]): boolean;
  /** The visitor's choice was told. */
  consent?(): void;
  /** The page is about to be left, or (`isNew`) another view begins. */
  leave?(page: Fields, isNew?: boolean): void;
  /** In privacy mode every event waits until this is called. */
  release(): void;
}

/** The global of the page: the public methods and, under `_`, the core. */
export interface ClarityTracking {
  [method: string]: any;
  _: Core;
}

export const clarity = (): ClarityTracking => (window as unknown as { ClarityTracking: ClarityTracking }).ClarityTracking;

export const core = (): Core => clarity()._;
