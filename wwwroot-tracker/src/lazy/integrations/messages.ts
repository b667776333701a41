import { meet } from "./person";
import { data, guard, identify, isOurs, on, once, report } from "./shared";

// HubSpot serves forms from these only; *.hs-sites.com is not among them because its customers' own pages stand there.
const hubspot = /^https:\/\/([\w-]+\.)*(hubspot|hsforms)\.(com|net)$/;
const meetings = /^https:\/\/meetings[\w-]*\.hubspot\.com$/;
const calCom = /^https:\/\/(app\.)?cal\.(com|eu)$/;

/** Where a self-hosted Cal.com stands: `data-cal-origin`. */
export const calOrigin = guard(() => new URL(data.calOrigin!).origin)();

/** A booking, once. The sender's webhook can name the same event: `schedule_` and the last part of the booking's id. */
const book = (integration: string, id: string | undefined, key: unknown, startsAt?: unknown): void => {
  if (!once(integration + (id || key))) return;
  report("schedule", integration, { booking_id: id, starts_at: startsAt, eventId: id && "schedule_" + id.split("/").pop() });
};

/**
 * HubSpot tells first that a form is being sent, with what was typed, then that it has been accepted, with the submission's id:
 * developers.hubspot.com/docs/cms/start-building/features/forms/legacy-forms, November 2026.
 */
const sending: Record<string, boolean> = {};
const hubspotForm = (form: string, accepted: boolean, values: any, submission?: string): void => {
  meet(values);
  const fields = { form_id: form };
  // the two messages of one submission share no id: a form is submitted once until it has been accepted
  if (!sending[form]) report("form_submit", "hubspot", fields);
  sending[form] = !accepted;
  if (accepted) report("lead", "hubspot", { ...fields, eventId: submission && "lead_" + submission });
};

const hear = (origin: string, message: any): void => {
  const host = /^https?:\/\/([^:/]+)/.exec(origin)?.[1];
  // a sandboxed frame's origin is "null", as a sandboxed page's own may be
  const own = host && (origin === location.origin || isOurs(host));
  const { payload, data: body } = message;

  if (message.type === "hsFormCallback" && (own || hubspot.test(origin))) {
    const accepted = message.eventName === "onFormSubmitted";
    const key = accepted ? body?.conversionId : JSON.stringify(body);
    if ((accepted || message.eventName === "onFormSubmit") && once(message.id + accepted + key))
      hubspotForm(message.id, accepted, accepted ? body?.submissionValues : body, body?.conversionId);
  } else if (message.meetingBookSucceeded && (own || meetings.test(origin))) {
    // Not documented; as its embeds send it in 2026. The message names no booking.
    const { contact, timerange } = message.meetingsPayload?.bookingResponse?.postResponse || {};
    meet(contact);
    book("hubspot", undefined, JSON.stringify([contact, timerange]), timerange?.start);
  } else if (message.event === "calendly.event_scheduled" && origin === "https://calendly.com") {
    // developer.calendly.com/api-docs/overview/embedding/notifying-the-parent-window, November 2026
    book("calendly", payload.invitee.uri, payload.event.uri);
  } else if (message.originator === "CAL" && (calCom.test(origin) || origin === calOrigin)) {
    // cal.com/help/embedding/embed-events and embed-core/sdk-action-manager.ts, November 2026: both versions are sent for one booking
    if (/^bookingSuccessful(V2)?$/.test(message.type)) {
      const { uid, startTime } = body.booking || body;
      book("calcom", uid, startTime, startTime);
    }
  } else if (message.type === "clarity:identify" && own) identify(message.email, message.traits);
};

export const listen = (): void => {
  on(window, "message", ({ origin, data: message }) => message && typeof message === "object" && hear(origin, message));

  // forms of HubSpot's newer editor: developers.hubspot.com/docs/api-reference/latest/marketing/forms/global-form-events, November 2026
  on(window, "hs-form-event:on-submission:success", (event) => {
    const form = (window as any).HubSpotFormsV4?.getFormFromEvent(event);
    const submission = form?.getConversionId?.();
    const done = guard((values: any) => once(event.detail.formId + true + submission) && hubspotForm(event.detail.formId, true, values, submission));
    Promise.resolve(form?.getFormFieldValues?.()).then(done, () => done(undefined));
  });

  // developers.klaviyo.com/en/docs/track-klaviyo-form-activity-using-javascript, November 2026: `submit` is the sign-up, once per form
  on(window, "klaviyoForms", ({ detail }) => {
    const { type, formId, metaData } = detail;
    if (!/ubmit$/.test(type)) return;
    meet(metaData);
    if (type !== "submit" || !once("klaviyo" + formId)) return;
    for (const event of ["form_submit", "newsletter_signup"]) report(event, "klaviyo", { form_id: formId });
  });
};
