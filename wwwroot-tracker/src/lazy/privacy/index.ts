/**
 * Privacy mode: nothing readable about the visitor leaves the browser, and nothing is kept readable in it. Read next: match-keys.ts,
 * ../redact.ts.
 */
import { core, type Fields, type TrackedEvent } from "../../core";
import { redact } from "../redact";
import { hashUser } from "./match-keys";

/** A copy: what the page handed over stays as it is. */
const redacted = (value: any): any => {
  if (typeof value === "string") return redact(value);
  if (!value || typeof value !== "object") return value;
  if (value.toJSON) return redacted(value.toJSON());
  if (Array.isArray(value)) return value.map(redacted);
  const copy: Fields = {};
  for (const name of Object.keys(value)) copy[name] = redacted(value[name]);
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
