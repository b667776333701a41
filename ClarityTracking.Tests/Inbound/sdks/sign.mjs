// Signs as the senders do, with their own libraries. Reads {sender, secret, receiverSecret?, body, url?, topic?} from standard input and
// writes {headers, valid}: what to send, and whether the library itself takes it with the receiver's secret (the same when it is not given).
import { createRequire } from "node:module";
import "@shopify/shopify-api/adapters/node";
import { ApiVersion, shopifyApi } from "@shopify/shopify-api";
import { createSHA256HMAC, HashFormat } from "@shopify/shopify-api/runtime";
import { WebhooksHelper } from "square";
import Stripe from "stripe";
import { Webhook } from "standardwebhooks";

// Square's library exports only the check; the HMAC it checks with is one file further in
const { createHmacOverride } = createRequire(import.meta.resolve("square"))("./core/crypto/createHmacOverride.js");

const senders = {
  async shopify({ secret, receiverSecret, body, topic }) {
    const headers = {
      "X-Shopify-Topic": topic,
      "X-Shopify-Hmac-Sha256": await createSHA256HMAC(secret, body, HashFormat.Base64),
      "X-Shopify-Shop-Domain": "sdk-shop.myshopify.com",
      "X-Shopify-API-Version": "2026-07",
      "X-Shopify-Webhook-Id": crypto.randomUUID(),
    };
    const library = shopifyApi({
      apiKey: "key", apiSecretKey: receiverSecret, hostName: "app.example.com", isEmbeddedApp: false, apiVersion: Object.values(ApiVersion)[0], logger: { level: 0 },
    });
    // the library reads a request of node's http server
    const { valid } = await library.webhooks.validate({ rawBody: body, rawRequest: { method: "POST", url: "/", headers }, rawResponse: {} });
    return { headers, valid };
  },

  async stripe({ secret, receiverSecret, body }) {
    const library = new Stripe("sk_test_unused");
    const header = await library.webhooks.generateTestHeaderStringAsync({ payload: body, secret });
    return { headers: { "Stripe-Signature": header }, valid: await taken(() => library.webhooks.constructEventAsync(body, header, receiverSecret)) };
  },

  async square({ secret, receiverSecret, body, url }) {
    const header = await createHmacOverride(url + body, secret);
    const valid = await WebhooksHelper.verifySignature({ requestBody: body, signatureHeader: header, signatureKey: receiverSecret, notificationUrl: url });
    return { headers: { "x-square-hmacsha256-signature": header }, valid };
  },

  async generic({ secret, receiverSecret, body }) {
    const [id, now] = ["msg_" + crypto.randomUUID(), new Date()];
    const headers = {
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(now / 1000)),
      "webhook-signature": new Webhook(secret).sign(id, now, body),
    };
    return { headers, valid: await taken(() => new Webhook(receiverSecret).verify(body, headers)) };
  },
};

const taken = async (check) => {
  try {
    await check();
    return true;
  } catch {
    return false;
  }
};

let text = "";
for await (const part of process.stdin) text += part;
const { sender, ...message } = JSON.parse(text);
process.stdout.write(JSON.stringify(await senders[sender]({ receiverSecret: message.secret, ...message })));
