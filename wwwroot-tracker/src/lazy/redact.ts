/** Takes out of texts and addresses what must not leave the page by accident. Errs towards taking out. */

const mask = "[redacted]";

const email = /[^\s@/?&#=:;,<>()[\]"']{1,99}(?:@|%40)[^\s@/?&#=:;,<>()[\]"']+/g;

// parameters of an address that hold a secret or a person, by name
const named =
  /([?&#](?:[\w.[\]-]{0,40}[\]_.[-])?(?:e-?mail|(?:tele)?phone|tel|mobile|(?:first|last|full|sur|user)[_-]?name|[fl]name|street|address|birth|dob|passw|pwd|otp|token|secret|api_?key|session)[\w.[\]-]*=)[^&#\s]+/gi;

// seven to nineteen digits as people and machines write them
const number = /(^|[^\w%])((?:%2B|[+(])*\d(?:[\s().+/-]{0,3}\d){6,18})(?!\d)/gi;

// ad platforms compare these byte by byte, and their digits mean nothing
const kept = /(?:^|[?&])(?:utm_\w+|ct_\w+|\w*(?:cl|clk|cc|_c)id|[gw]braid|epik|li_fat_id)=[^&#]*$/i;

const isPhone = (text: string): boolean => {
  const start = text.search(/\+|%2B|\b0/i);
  const digits = text.slice(start).replace(/%2B|\D/gi, "").length;
  return (start >= 0 && digits > (text[start] === "0" ? 8 : 6) && digits < 17) || /\b\d{3}\)?[\s.-]+\d{3}[\s.-]\d{4}\b/.test(text);
};

/** Luhn's check digit: ISO/IEC 7812-1. Networks begin with 2 to 6; 13 digits are mostly times and article numbers. */
const isCard = (text: string): boolean => {
  const digits = text.replace(/\D/g, "");
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = +digits[digits.length - 1 - i] * (1 + (i % 2));
    sum += digit > 9 ? digit - 9 : digit;
  }
  return /^[2-6]\d{13}/.test(digits) && sum % 10 === 0;
};

const plain = (text: string): string =>
  text
    .replace(email, mask)
    .replace(named, "$1" + mask)
    .replace(number, (whole, before: string, found: string, at: number) =>
      !kept.test(text.slice(0, at + before.length)) && (isPhone(found) || isCard(found)) ? before + mask : whole
    );

/** Without email addresses, phone and card numbers, and without parameters named like secrets; also where they are percent-encoded. */
export const redact = (text: string): string =>
  plain(
    text.replace(/[^\s?&#]+/g, (part) => {
      try {
        const decoded = part.includes("%") ? decodeURIComponent(part) : part;
        const clean = plain(decoded);
        return clean === decoded ? part : clean.replace(/\s/g, "%20");
      } catch {
        return part;
      }
    })
  );

/** Also without what only stands in a page by accident: access tokens (long, of letters and digits without words) and IBANs. */
export const redactAll = (text: string): string =>
  redact(text.replace(/\b[A-Z]{2}\d\d(?: ?[A-Z\d]{4}){2,7}(?: ?[A-Z\d]{1,4})?\b/g, mask)).replace(/[\w+-]{32,}(?:\.[\w+-]+)*/g, (word) =>
    /\w{16}/.test(word) && /\d\D+\d\D+\d/.test(word) ? mask : word
  );
