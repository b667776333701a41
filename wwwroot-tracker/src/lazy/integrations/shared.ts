import { clarity, type Fields } from "../../core";

export const page = clarity();
export const { data, guard, on, read, track, identify, clicks, seen } = page._;

const known: Record<string, unknown> = {};

/** True the first time this page asks for a key: senders repeat themselves. */
export const once = (key: string): boolean => !known[key] && !!(known[key] = 1);

const domains = (data.crossDomain || "").toLowerCase().split(/[\s,]+/).filter(Boolean);

/** One of the customer's other domains, or below one: `data-cross-domain`. */
export const isOurs = (host: string): boolean => domains.some((domain) => host === domain || host.endsWith("." + domain));

/** The choice as the core keeps it; what is not known is missing. */
export const choice = (): { ads?: boolean; analytics?: boolean } => guard(() => JSON.parse(read("consent") || "{}"))() || {};

/** An event of a standard type that names where it came from. */
export const report = (type: string, integration: string, fields: Fields): void => track(type, { integration, ...fields });
