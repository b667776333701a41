/** What the script tag says: `<script async src="https://HOST/t.js" data-apikey="pk_…" data-…>`. */

// only there while the script first runs; null in a module, which the build's outermost catch makes silence
export const tag = document.currentScript as HTMLScriptElement;
export const data = tag.dataset;

/** Without a key the server answers 401, which data-debug shows. */
export const apiKey = data.apikey;
export const debug = "debug" in data;

// Both stand on the origin the script came from. The server puts a website's own paths in the place of these two.
const { origin } = new URL(tag.src);
export const endpoint = origin + "/api/v1/collect";
export const base = origin + "/t/";

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
for (const name in settings) if ((data[name] as unknown as number) > 0) settings[name as keyof typeof settings] = +data[name]!;
