/** What the script tag says: `<script async src="https://HOST/t.js" data-apikey="pk_…" data-…>`. */

// Only valid while the script first runs; a loader that hides it (module bundlers) leaves the tag to be found by its attribute.
const tag = (document.currentScript || document.querySelector("script[data-apikey]")) as HTMLScriptElement | null;
const data: DOMStringMap = tag ? tag.dataset : {};

const positive = (name: string, fallback: number): number => (Number(data[name]) > 0 ? Number(data[name]) : fallback);

export const apiKey = data.apikey || "";
export const debug = "debug" in data && data.debug !== "false";

/** The collect endpoint stands on the origin the script came from. */
export const endpoint = tag ? new URL("/api/v1/collect", tag.src).href : "";

/** Events in one request; the server takes 500. */
export const batchSize = Math.min(positive("batchSize", 50), 500);

/** Milliseconds between sends of events that need not go at once; each send adds the increment. */
export const intervalStart = positive("intervalStart", 5000);
export const intervalIncrement = positive("intervalIncrement", 2000);

/** Milliseconds without an event after which a new session begins; the attribute is in minutes. */
export const sessionTimeout = positive("sessionTimeout", 30) * 60000;
