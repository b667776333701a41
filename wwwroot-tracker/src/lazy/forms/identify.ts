import { clarity, core, type Fields } from "../../core";
import { elements } from "../elements";

const valid = /^[^\s@,;:<>()[\]"]{1,64}@[a-z\d-]+(\.[a-z\d-]+)*\.[a-z]{2,}$/i;

// somebody else's address; not "preferred"
const others = /friend|recipient|(^|[^p])refer|invit|gift/i;

const kinds: [name: string, hint: RegExp, value: RegExp][] = [
  ["email", /./, valid],
  ["phone", /phone|mobile|handy|telefon|\btel/, /^[+(]?(\d\D{0,3}){7,16}$/],
  ["first_name", /given.?name|first.?name|\bfname|vorname/, /^[^@\d]{1,60}$/],
  ["last_name", /family.?name|last.?name|\blname|surname|nachname/, /^[^@\d]{1,60}$/],
];

/** Enough to know an email again, not enough to read it: it outlives an opt-out. */
const sumOf = (email: unknown): string => [...(email + "").toLowerCase()].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 7) + "";

/** Tells the core who the visitor seems to be, unless it knows better or nothing is new. */
const guess = (email: string, traits: Fields, fromAddress?: boolean): void => {
  const { identify, read, write, clean } = core();
  const known: Fields = clarity().getUserIdentity() || {};
  // in privacy mode what is known is a hash
  const told: { user?: Fields } = { user: { email: email.toLowerCase() } };
  clean?.(told);
  const isSame = (known.email + "").toLowerCase() === told.user?.email;
  // what the page said itself stands; an earlier guess does not
  if (read("optout") || (known.email && !isSame && (fromAddress || read("guess") !== sumOf(known.email)))) return;
  const fresh: Fields = {};
  for (const name in traits) if (!known[name] || !isSame) fresh[name] = traits[name];
  if (isSame && !Object.keys(fresh).length) return;
  identify((isSame ? known.email : email) as string, { ...fresh, ...(!known.email && known) }, "auto_identify");
  // not before the visitor's choice, nor after a refusal: then nothing was recorded
  if (!isSame && clarity().getUserIdentity()) write("guess", sumOf(told.user?.email), 0);
};

const nameOf = (form: Element): string => ["id", "name"].map((name) => form.getAttribute(name)).join(" ");

/** The visitor's email, phone and names from the fields of a form: by what the fields are called, or because one holds an email. */
export const identifyFrom = (fields: Iterable<any>): void => {
  const found: Fields = {};
  for (const field of fields) {
    const hint = [field.autocomplete, field.type, field.name, field.id].join(" ").toLowerCase();
    const value = (field.value || "").trim();
    if (!/^(text|email|tel)$/.test(field.type) || elements().isPrivate(field)) continue;
    if (others.test(hint) || (field.form && others.test(nameOf(field.form)))) continue;
    for (const [name, hints, values] of kinds) if (!found[name] && hints.test(hint) && values.test(value)) found[name] = value;
  }
  const { email, ...traits } = found;
  if (email) guess(email as string, traits);
};

/** An email in a parameter of the page's address, as newsletters and booking pages hand it over. */
export const identifyFromAddress = (): void => {
  // there a plus is mostly not a space but part of the email
  for (const [name, value] of new URLSearchParams(location.search.replace(/\+/g, "%2B")))
    if (/mail/i.test(name) && !others.test(name) && valid.test(value)) guess(value, {}, true);
};
