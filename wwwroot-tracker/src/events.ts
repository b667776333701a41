import { clicks } from "./click-ids";
import { data } from "./config";
import { consentSignals, whenAllowed } from "./consent";
import type { Core, Fields, TrackedEvent } from "./core";
import { user } from "./identify";
import { page, viewPage } from "./page-views";
import { platformCookies } from "./platform-cookies";
import { enqueue } from "./queue";
import { sessionId } from "./sessions";
import { cookieless, stringify } from "./storage";
import { iso } from "./time";
import { uuid, visitorId } from "./visitor";

// the standard types; those of the group are sent at once
const standardType =
  /^(?:(page_view|(?:auto_)?identify|goal|view_content|add_to_cart|initiate_checkout|purchase|lead|schedule|complete_registration|subscribe|contact|course_enrollment|newsletter_signup)|click|form_submit|scroll|search|session_end|form_interaction|page_exit)$/;
/** orderId becomes order_id, as the collect contract spells it. */
export const snakeCase = (fields?: Fields): Fields => {
  const result: Fields = {};
  for (const name in fields) result[name.replace(/\B[A-Z]+/g, "_$&").toLowerCase()] = fields[name];
  return result;
};

/** What later files put in place. */
export const hooks: Partial<Core> = {};

/** The events of this page so far. */
export const seen: TrackedEvent[] = [];

/** Properties every later event of this page carries. */
export const shared: Fields = {};

export const record = (type: string, time: number, fields: Fields, session?: string, isUrgent?: unknown): void => {
  const { event_id, eventId, ...properties } = fields;
  const event: TrackedEvent = {
    // first: what is kept for a later try is told young from old by it
    timestamp: iso(time),
    // double-fired thank-you pages: one order is one event
    event_id: (event_id || eventId || (/^(purchase|course)/.test(type) && properties.order_id ? type + "_" + properties.order_id : uuid())) + "",
    event_type: type,
    ...(!cookieless && {
      session_id: session || sessionId(),
      visitor_id: visitorId(),
    }),
    properties,
    user: user(),
    click_ids: clicks,
    cookies: cookieless ? {} : platformCookies(),
    consent: consentSignals(),
  };
  hooks.clean?.(event);
  seen.push(event);
  enqueue(stringify(event), isUrgent);
};

/**
 * Makes an event of a standard type, or a custom one under any other name, and queues it. Its id and time are those of this moment, on
 * every retry; the order of a purchase or enrolment, or `eventId`, makes the id the same on every call.
 */
export const track = (name: string, fields?: Fields, time = Date.now()): void => {
  // the first event on a page is the view of it
  viewPage();
  if ("onlyIdentify" in data && !/identify$/.test(name)) return;
  const standard = standardType.exec(name);
  const all = { ...page, title: document.title, ...shared, ...(standard ? snakeCase(fields) : { event_name: name, ...fields }) };
  whenAllowed(() => record(standard ? name : "custom", time, all, "", standard?.[1]));
};
