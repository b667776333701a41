import type { Fields } from "../../core";
import { data, identify, page } from "./shared";

// A field's own name in letters -> our trait. HubSpot writes firstname, firstName or 0-1/firstname, Klaviyo $first_name.
const traitOf: Record<string, string> = {
  firstname: "first_name",
  lastname: "last_name",
  phone: "phone",
  phonenumber: "phone",
  mobilephone: "phone",
};
for (const name of ["city", "state", "zip", "country", "company"]) traitOf[name] = name;

/** Whom submitted values name: an object, or a list of name and value. Nothing happens without an email or a phone, or when all is known. */
export const meet = (values: any): void => {
  if (data.autoIdentify === "false" || !values) return;
  let email = "";
  const traits: Fields = {};
  const list: [string, unknown][] = values.map ? values.map(({ name, value }: any) => [name, value]) : Object.entries(values);
  for (const [name, value] of list) {
    const plain = (name + "").toLowerCase().replace(/^.*\/|[^a-z]/g, "");
    if (!value || typeof value !== "string") continue;
    if (plain === "email" && /.@./.test(value)) email = value;
    else if (traitOf[plain]) traits[traitOf[plain]] = value;
  }
  const known = page.getUserIdentity() || {};
  if ((email && known.email !== email) || ((email || traits.phone) && Object.keys(traits).some((name) => known[name] !== traits[name])))
    identify(email, traits, "auto_identify");
};
