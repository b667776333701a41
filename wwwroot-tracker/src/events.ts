import { clicks } from "./click-ids";
import type { Core, Fields, TrackedEvent } from "./core";
import { consentSignals, isSilent } from "./consent";
import { user } from "./identify";
import { referrer, viewPage } from "./page-views";
import { platformCookies } from "./platform-cookies";
import { enqueue } from "./queue";
import { sessionId } from "./sessions";
import { iso } from "./time";
import { uuid, visitorId } from "./visitor";


// the standard types; those of the group are sent at once
const standardType =
  /^(?:(page_view|identify|auto_identify|goal|view_content|add_to_cart|initiate_checkout|purchase|lead|schedule|complete_registration|subscribe|contact|course_enrollment|newsletter_signup)|click|form_submit|scroll|search|session_start|session_end|form_interaction|page_exit)$/;
// double-fired thank-you pages: one order is one event
const oncePerOrder = /^(purchase|course)/;

/** orderId becomes order_id, as the collect contract spells it. */
export const snakeCase = (fields?: Fields): Fields => {
  const result: Fields = {};
  for (const name in fields) result[name.replace(/([^_])([A-Z]+)/g, "$1_$2").toLowerCase()] = fields[name];
  return result;
};

/** What later files put in place. */
export const hooks: Pick<Core, "clean"> = {};

/** The events of this page so far. */
export const seen: TrackedEvent[] = [];

/** Properties every later event of this page carries. */
export const shared: Fields = {};

/**
 * Makes an event of a standard type, or a custom one under any other name, and queues it. Its id and time are those of this moment, on
 * every retry; an order, or `eventId`, makes the id the same on every call.
 */
export const track = (name: string, fields?: Fields, time?: number): void => {
  if (isSilent()) return;
  // the first event on a page is the view of it
  viewPage();
  const standard = standardType.exec(name);
  const { event_id, eventId, ...own } = standard ? snakeCase(fields) : fields || {};
  const id = event_id || eventId || (oncePerOrder.test(name) && own.order_id ? name + "_" + own.order_id : uuid());
  const event: TrackedEvent = {
    event_id: id + "",
    event_type: standard ? name : "custom",
    timestamp: iso(time || Date.now()),
    session_id: sessionId(),
    visitor_id: visitorId(),
    properties: {
      url: location.href,
      title: document.title,
      referrer,
      ...shared,
      event_name: standard ? undefined : name,
      ...own,
    },
    user: user(),
    click_ids: clicks,
    cookies: platformCookies(),
    consent: consentSignals(),
  };
  hooks.clean?.(event);
  seen.push(event);
  enqueue(JSON.stringify(event), !!standard?.[1]);
};
