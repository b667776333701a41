import assert from "node:assert/strict";
import { test } from "node:test";
import { redact, redactAll } from "../src/lazy/redact";

const changed: [text: string, clean: string][] = [
  ["Write to jane.doe+a@example.co.uk, please", "Write to [redacted], please"],
  ["jürgen@müller.example", "[redacted]"],
  ["https://example.com/?e=jane%40example.com&utm_source=x", "https://example.com/?e=[redacted]&utm_source=x"],
  ["https://example.com/?next=%2Fa%3Fm%3Djane%40example.com", "https://example.com/?next=/a?m=[redacted]"],
  ["https://example.com/u/jane@example.com/orders", "https://example.com/u/[redacted]/orders"],
  ["/?utm_content=jane@example.com&fbclid=A1", "/?utm_content=[redacted]&fbclid=A1"],
  ["mailto:jane@example.com?subject=Hi", "mailto:[redacted]?subject=Hi"],
  ["tel:+49-30-1234567", "tel:[redacted]"],
  ["Call +49 (0)30 / 123 45 67 now", "Call [redacted] now"],
  ["0171 2345678", "[redacted]"],
  ["Table 4 0171-2345678", "Table 4 [redacted]"],
  ["(555) 010-4477", "[redacted]"],
  ["/?p=%2B4930123456&x=1", "/?p=[redacted]&x=1"],
  ["/?a=1#tel=5550104477", "/?a=1#tel=[redacted]"],
  ["/?password=hunter2&q=shoes", "/?password=[redacted]&q=shoes"],
  ["/?user[first_name]=Jane&access_token=abc", "/?user[first_name]=[redacted]&access_token=[redacted]"],
  ["4111 1111 1111 1111", "[redacted]"],
  ["card 5500-0000-0000-0004.", "card [redacted]."],
];
for (const [text, clean] of changed)
  test(`Redact_${text}`, () => {
    assert.equal(redact(text), clean);
    assert.equal(redactAll(text), clean);
  });

const gclid = "EAIaIQobChMI0-2-34567890_01234567_EgKx4PD_BwE";
for (const text of [
  "",
  "Add 3 to basket for 1,299.00 €",
  "20.11.2026 10:30 - 12:00",
  "2026-11-20T10:30:00.123Z",
  "Order 1000234567",
  "https://example.com/p/1234567890/red-shoes?size=42&sort=price",
  "https://medium.example/@example/post",
  "4111 1111 1111 1112",
  "?shopping=now&hotel=1&author=me",
  "100 % off & 50% more",
  "%E0%A4%A",
  `https://example.com/?gclid=${gclid}&utm_campaign=+4930123456&fbclid=IwAR0-00171234567`,
  "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
])
  test(`Redact_Harmless_${text}_Stays`, () => assert.equal(redact(text), text));

const secrets: [text: string, clean: string][] = [
  ["key 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "key [redacted]"],
  ["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P", "[redacted]"],
  ["DE89 3704 0044 0532 0130 00", "[redacted]"],
  ["IBAN GB82WEST12345698765432 ok", "IBAN [redacted] ok"],
];
for (const [text, clean] of secrets) test(`RedactAll_${text}`, () => assert.equal(redactAll(text), clean));

for (const text of ["/downloads/Annual-Report-2026-Final-Version-for-A4-print.pdf", "main>section#checkout>button.btn-primary:nth-of-type(2)", "supercalifragilisticexpialidocious-2026"])
  test(`RedactAll_Harmless_${text}_Stays`, () => assert.equal(redactAll(text), text));

test("Redact_HugeTexts_AreQuick", () => {
  const begun = Date.now();
  for (const text of ["a".repeat(32000), "1 ".repeat(16000), "a%".repeat(16000), "=".repeat(32000), "?a".repeat(16000), "A1".repeat(16000)]) redactAll(text);
  assert.ok(Date.now() - begun < 1500, `${Date.now() - begun} ms`);
});
