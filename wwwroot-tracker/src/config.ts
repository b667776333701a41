/** What the script tag says: `<script async src="https://HOST/t.js" data-apikey="pk_…" data-…>`. */

// only there while the script first runs; null in a module, which the build's outermost catch makes silence
export const tag = document.currentScript as HTMLScriptElement;
export const data = tag.dataset;

/** Without a key the server answers 401, which data-debug shows. */
export const apiKey = data.apikey;
export const debug = "debug" in data;

/** The collect endpoint stands on the origin the script came from. */
export const endpoint = new URL("/api/v1/collect", tag.src).href;
export const base = new URL("/t/", tag.src).href;

/** A positive number in the attribute of the same name replaces the default. */
export const settings: Record<"batchSize" | "intervalStart" | "intervalIncrement" | "sessionTimeout", number> = {
  /** Events in one request; the server takes 500. */
  batchSize: 50,
  /** Milliseconds until events that need not go at once are sent; each such send adds the increment. */
  intervalStart: 5000,
  intervalIncrement: 2000,
  /** Minutes without an event after which a new session begins. */
  sessionTimeout: 30,
};
for (const name in settings) if (+data[name]! > 0) settings[name as keyof typeof settings] = +data[name]!;
