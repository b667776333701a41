import type { Fields } from "../../core";
import { sha256 } from "./sha256";

/**
 * A person as hashed match keys, by the server's rules (ClarityTracking.Core/Ingestion/Identify), so that both make the same hash. Where
 * the server would need to know the website's country, or a table too large for here, nothing is sent rather than a wrong hash.
 */
type Rule = (value: string) => string | undefined;

const match = (pattern: RegExp): Rule => (value) => pattern.exec(value)?.[0];

// a constructor: what a browser of 2020 cannot read must not keep the file from running
const letters: Rule = (value) => value.replace(new RegExp("[^\\p{L}\\p{Mn}\\p{Mc}]", "gu"), "");
const name: Rule = (value) => value.replace(/[\s!-/:-@[-`{-~]/g, "");

const phone: Rule = (value) => {
  // no extension
  const written = value.normalize("NFKC").replace(/^((?:\D*\d){7}.*?)[x#;,].*/, "$1");
  const digits = written.replace(/\D/g, "");
  const significant = digits.replace(/^0+/, "");
  // a national number needs the country's calling code
  const isInternational = /^\D*\+/.test(written) || /^00/.test(digits) || /^[1-9]\d{10}/.test(digits);
  return isInternational && digits.length < 21 && /^(?!(\d)\1+$)\d{7,16}$/.test(significant) && "1234567890".indexOf(significant) ? significant : "";
};

const zip: Rule = (value) => {
  const code = value.split("-")[0].replace(new RegExp("[^\\p{L}\\p{Mn}\\p{Mc}\\p{Nd}]", "gu"), "");
  // nine digits are cut to five in the USA
  return code.length === 9 || code.length < 2 ? "" : code;
};

const rules: Record<string, Rule> = {
  email: match(
    /^(?!(no[-_]?(e?mail|reply)|none|donotreply|do-not-reply)@|.*@(test|none|no-?email|nomail|null)\.com$|.*\.(test|invalid|localhost|local)$|.{255})[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@(?!.*-$)[a-z\d][a-z\d-]*(\.[a-z\d-]+)*\.(?=[\d-]*[a-z])[a-z\d-]{2,}$/
  ),
  phone,
  first_name: name,
  last_name: name,
  city: letters,
  // others are shortened to two letters in some countries
  state: (value) => match(/^..$/)(letters(value)!),
  zip,
  country: (value) => (({ uk: "gb", el: "gr" }) as Record<string, string>)[value] || match(/^[a-z]{2}$/)(value),
  gender: (value) =>
    /^(f|female|woman|girl|lady|she|hers?|mrs|ms|miss|madam)$/.test(value) ? "f" : /^(m|male|man|boy|gentleman|he|him|his|mr|mister|sir)$/.test(value) ? "m" : "",
  date_of_birth: (value) => {
    const [, year, month, day] = /^((?:19|20)\d\d)[-/.]?(0[1-9]|1[0-2])[-/.]?(0[1-9]|[12]\d|3[01])(?!\d)/.exec(value) || [];
    // no 31st of February
    return year && new Date(+year, +month - 1, +day).getDate() === +day ? year + month + day : "";
  },
  external_id: (value) => value.replace(/\s/g, ""),
  // readable or not at all
  company: () => "",
};

const placeholder = /^(null|undefined|none|n\/a|unknown|\(not set\)|\(none\)|\[object object\]|-|e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855|d41d8cd98f00b204e9800998ecf8427e)?$/;

const hash = (field: string, value: unknown): string => {
  if (!/^(string|number)$/.test(typeof value)) return "";
  const text = (value + "").replace(/^[\s\u200b]+|[\s\u200b]+$/g, "").toLowerCase();
  if (placeholder.test(text) || text.length > 512) return "";
  if (/^([\da-f]{32}){1,2}$/.test(text)) return text;
  const form = field in rules ? rules[field](text) : text;
  return form ? sha256(form) : "";
};

/** Each value of a person hashed; what is a hash already stays. */
export const hashUser = (user: Fields): Fields => {
  const hashed: Fields = {};
  for (const field in user) {
    const value = user[field];
    const one = Array.isArray(value) ? value.map((each) => hash(field, each)).filter(Boolean) : hash(field, value);
    if (one.length) hashed[field] = one;
  }
  return hashed;
};
