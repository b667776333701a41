/**
 * Privacy mode: nothing readable about the visitor leaves the browser, and nothing is kept readable in it. Read next: match-keys.ts,
 * ../redact.ts.
 */
import { core, type Fields, type TrackedEvent } from "../../core";
import { redact } from "../redact";
import { hashUser } from "./match-keys";

const personal =
  /^(?:e-?mail|(?:tele|cell)?_?phone|tel|mobile)|(?:^|[_-])(?:e-?mail|phone)$|[a-z](?:Email|Phone)$|^(?:first|last|full|sur|given|family)_?name$|^(?:street|address|birth|dob)/i;

/** A copy: what the page handed over stays as it is. */
const redacted = (value: any, name = ""): any => {
  // by their names: a bare name, or a phone number without its country, cannot be told from other words and numbers
  if (personal.test(name) && value !== null && typeof value !== "object" && typeof value !== "boolean") return "[redacted]";
  // ids are digits too; an order must stay the same order
  if (typeof value === "string") return /(?:^|_)ids?$|^sku$|[a-z]Ids?$/.test(name) && !/@|%40/.test(value) ? value : redact(value);
  if (!value || typeof value !== "object") return value;
  if (value.toJSON) return redacted(value.toJSON(), name);
  if (Array.isArray(value)) return value.map((each) => redacted(each, name));
  const copy: Fields = {};
  for (const name of Object.keys(value)) copy[redact(name)] = redacted(value[name], name);
  return copy;
};

const privacy = core();

privacy.clean = (event: Partial<TrackedEvent>): void => {
  // replaced first: what goes wrong below must not leave them readable
  const { user, properties } = event;
  if (user) event.user = {};
  if (properties) event.properties = {};
  privacy.guard(() => {
    if (user) event.user = hashUser(user);
  })();
  privacy.guard(() => {
    if (properties) event.properties = redacted(properties);
  })();
};
privacy.release();
