import assert from "node:assert/strict";
import { test } from "node:test";
import { openWith } from "./support/lazy";
import { clock, type Page, type PageOptions } from "./support/page";

const opened = (options: PageOptions = {}) => openWith("integrations", options);
const say = (page: Page, origin: string, data: unknown) => page.fire("message", { origin, data });
const own = "https://www.example.com";
const tracked = (page: Page): any[] => page.run("ClarityTracking._.seen").filter((event: any) => !/^(page_|session_)/.test(event.event_type));
const types = (page: Page): string[] => Array.from(tracked(page), (event) => event.event_type);

/** The address a link has after it was clicked. */
const clicked = (page: Page, href: string): string => {
  const link = { href, protocol: new URL(href).protocol, matches: () => true };
  page.fire("click", { composedPath: () => [{}, link] });
  return link.href;
};
const visitor = (page: Page): string => page.run("ClarityTracking.getVisitorId()");

for (const [name, origin] of [
  ["OfTheWorld", "https://evil.example.net"],
  ["ThatBeginsLikeIt", "https://hubspot.com.evil.example.net"],
  ["ThatEndsLikeIt", "https://nothubspot.com"],
  ["OfHubspotsCustomers", "https://123.hs-sites.com"],
  ["WithoutEncryption", "http://share.hsforms.com"],
  ["OfASandbox", "null"],
  ["WithoutName", ""],
] as const)
  test("Hubspot_Origin" + name + "_IsRefused", async () => {
    const page = await opened();
    say(page, origin, { type: "hsFormCallback", eventName: "onFormSubmitted", id: "F1", data: {} });
    say(page, origin, { meetingBookSucceeded: true });
    say(page, origin, { type: "clarity:identify", email: "jane@example.com" });
    assert.deepEqual(types(page), []);
  });

test("Hubspot_OneSubmission_IsOneFormSubmitAndOneLead", async () => {
  const page = await opened();
  const sent = { type: "hsFormCallback", eventName: "onFormSubmit", id: "F1", data: [{ name: "email", value: "jane@example.com" }, { name: "firstname", value: "Jane" }] };
  const accepted = { type: "hsFormCallback", eventName: "onFormSubmitted", id: "F1", data: { conversionId: "C1", submissionValues: { email: "jane@example.com" } } };
  for (const message of [sent, sent, accepted, accepted]) say(page, own, message);
  assert.deepEqual(types(page), ["auto_identify", "form_submit", "lead"]);
  const [, form, lead] = tracked(page);
  assert.deepEqual({ ...lead.user }, { first_name: "Jane", email: "jane@example.com" });
  assert.equal(form.properties.form_id, "F1");
  assert.equal(lead.event_id, "lead_C1");
  assert.equal(lead.properties.email, undefined);

  say(page, own, { ...accepted, data: { conversionId: "C2" } });
  assert.deepEqual(types(page).slice(3), ["form_submit", "lead"]);
});

test("Hubspot_AutoIdentifyOff_NamesNobody", async () => {
  const page = await opened({ attributes: { autoIdentify: "false" } });
  say(page, "https://forms.hsforms.com", { type: "hsFormCallback", eventName: "onFormSubmit", id: "F1", data: [{ name: "email", value: "jane@example.com" }] });
  assert.deepEqual(types(page), ["form_submit"]);
});

test("Messages_Garbage_IsIgnored", async () => {
  const page = await opened();
  for (const data of [null, undefined, 7, "hsFormCallback", [], { type: "hsFormCallback" }, { type: "hsFormCallback", eventName: "onFormReady", id: "F" }])
    say(page, own, data);
  for (const data of [{ event: "calendly.event_scheduled" }, { event: "calendly.event_scheduled", payload: {} }]) say(page, "https://calendly.com", data);
  for (const data of [{ originator: "CAL" }, { originator: "CAL", type: "bookingSuccessful" }]) say(page, "https://cal.com", data);
  assert.deepEqual(types(page), []);
});

test("Cal_BothVersionsOfTheMessage_AreOneBooking", async () => {
  const page = await opened({ attributes: { calOrigin: "https://book.example.org/any" } });
  const v1 = { originator: "CAL", type: "bookingSuccessful", fullType: "CAL::bookingSuccessful", data: { booking: { uid: "U1" } } };
  const v2 = { originator: "CAL", type: "bookingSuccessfulV2", fullType: "CAL::bookingSuccessfulV2", data: { uid: "U1", startTime: "2026-12-01T10:00:00Z" } };
  say(page, "https://evil.example.net", { ...v2, data: { uid: "U0" } });
  for (const message of [v2, v1, v2]) say(page, "https://book.example.org", message);
  say(page, "https://app.cal.com", { ...v2, type: "rescheduleBookingSuccessfulV2", data: { uid: "U2" } });
  assert.deepEqual(types(page), ["schedule"]);
  assert.equal(tracked(page)[0].event_id, "schedule_U1");
});

test("CrossDomain_OwnDomainsIdentify_OthersDoNot", async () => {
  const page = await opened({ attributes: { crossDomain: " Shop.example.com, example.org" } });
  for (const origin of ["https://example.org.evil.net", "https://evilexample.org"]) say(page, origin, { type: "clarity:identify", email: "no@example.com" });
  say(page, "https://pay.example.org:8443", { type: "clarity:identify", email: "jane@example.com", traits: { plan: "pro" } });
  assert.deepEqual(types(page), ["identify"]);
  assert.deepEqual({ ...tracked(page)[0].user }, { plan: "pro", email: "jane@example.com" });
});

test("CrossDomain_Link_KeepsItsOwnAndCarriesVisitorAndTime", async () => {
  const page = await opened({ attributes: { crossDomain: "example.org" } });
  const link = visitor(page) + "." + Math.floor(clock / 1000).toString(36);
  assert.equal(clicked(page, "https://shop.example.org/a?b=%20c+d&e#f?g"), `https://shop.example.org/a?b=%20c+d&e&ct_link=${link}#f?g`);
  assert.equal(clicked(page, "https://example.org/?ct_link=old.1&x=1"), `https://example.org/?x=1&ct_link=${link}`);
  for (const stranger of ["https://other.example.net/", "https://www.example.com/own", "https://example.org.evil.net/", "mailto:a@example.org"])
    assert.equal(clicked(page, stranger), stranger);
});

test("Bookings_Addresses_CarryWhatTheirWebhookBringsBack", async () => {
  const page = await opened({ url: own + "/?utm_source=ads&utm_campaign=spring%20sale&gclid=G1&fbclid=a.b-c", attributes: { acuityField: "77" } });
  const id = visitor(page);
  const query = (address: string) => Object.fromEntries(new URL(clicked(page, address)).searchParams);
  assert.deepEqual(query("https://calendly.com/jane/intro?month=2026-12"), {
    month: "2026-12",
    salesforce_uuid: "v_" + id,
    utm_source: "ads",
    utm_campaign: "spring sale",
  });
  assert.deepEqual(query("https://cal.com/jane/intro"), {
    "metadata[ct_vid]": id,
    "metadata[fbclid]": "a.b-c",
    "metadata[gclid]": "G1",
    "metadata[utm_source]": "ads",
    "metadata[utm_campaign]": "spring sale",
  });
  const plain = { ct_vid: id, fbclid: "a.b-c", gclid: "G1", utm_source: "ads", utm_campaign: "spring sale" };
  for (const address of ["https://jane.as.me/", "https://app.acuityscheduling.com/schedule.php"])
    assert.deepEqual(query(address), { ...plain, "field:77": id });
  for (const address of ["https://jane.square.site/", "https://book.squareup.com/appointments/x", "https://squareup.com/appointments/book/x"])
    assert.deepEqual(query(address), plain);
  assert.deepEqual(query("https://buy.stripe.com/test_abc?prefilled_email=a%40example.com"), { prefilled_email: "a@example.com", client_reference_id: "v_" + id });
  for (const stranger of ["https://dashboard.stripe.com/x", "https://squareup.com/signup", "https://as.com/", "https://notcalendly.com/x", "https://calendly.com.evil.net/x"])
    assert.equal(clicked(page, stranger), stranger);
});

test("Bookings_OwnParameters_AreNotOverwritten", async () => {
  const page = await opened({ url: own + "/?utm_source=ads&utm_medium=cpc" });
  const address = "https://calendly.com/jane?utm_source=own&salesforce_uuid=theirs";
  assert.equal(clicked(page, address), address);
});

test("Bookings_AfterARefusal_CarryLess", async () => {
  const page = await opened({ url: own + "/?gclid=G1" });
  page.run("ClarityTracking.consent({ ads: false })");
  assert.equal(clicked(page, "https://jane.as.me/"), "https://jane.as.me/?ct_vid=" + visitor(page));
  page.run("ClarityTracking.consent({ analytics: false })");
  assert.equal(clicked(page, "https://jane.as.me/"), "https://jane.as.me/");
});
