import type { Fields } from "../../core";

/** One call of a pixel as the page wrote it; the arguments may be changed. */
export interface Call {
  name: string;
  /** The pixel it is for; "" = every pixel of the page. */
  pixel: string;
  id?: string;
  give(id: string): void;
}

export interface Platform {
  /** Where its function stands. */
  holder(): any;
  key: string;
  /** Undefined for a call that is no event. */
  read(args: any[]): Call | undefined;
  /** Arguments of a call of ours. */
  write(name: string, id: string, properties: Fields): unknown[];
  /** Calls that wait until the platform's script is there: the list, and the arguments in an entry of it. */
  queue(pixel: any): any[] | undefined;
  /** Its request of an event, by address; undefined where the address does not say. */
  request?: RegExp;
}

const items = (properties: Fields): any[] => (Array.isArray(properties.items) ? properties.items.filter((item) => item?.id) : []);

/** Without what is not known: pixels send "undefined" as a word. */
const known = (fields: Fields): Fields => {
  for (const name in fields) if (fields[name] === undefined || (fields[name] as string)?.length === 0) delete fields[name];
  return fields;
};

const each = (properties: Fields, map: (item: any) => Fields): Fields[] => items(properties).map((item) => known(map(item)));

const money = ({ value, currency }: Fields): Fields => (isNaN(value as number) || value == null ? {} : { value: +(value as number), currency });

/** Our types as the platforms' pixels call them, so that they match what our server sends; "" = it sends none. Views are the base code's. */
export const names: Record<string, [meta: string, tiktok: string, pinterest: string]> = {
  view_content: ["ViewContent", "ViewContent", "viewcontent"],
  search: ["Search", "Search", "search"],
  add_to_cart: ["AddToCart", "AddToCart", "addtocart"],
  initiate_checkout: ["InitiateCheckout", "InitiateCheckout", "initiatecheckout"],
  purchase: ["Purchase", "Purchase", "checkout"],
  lead: ["Lead", "Lead", "lead"],
  schedule: ["Schedule", "Schedule", "custom"],
  complete_registration: ["CompleteRegistration", "CompleteRegistration", "signup"],
  subscribe: ["Subscribe", "Subscribe", "subscribe"],
  contact: ["Contact", "Contact", "lead"],
  course_enrollment: ["CourseEnrollment", "CompleteRegistration", "custom"],
  newsletter_signup: ["NewsletterSignup", "", ""],
};

const page = window as any;

/** In the order of the names above. */
export const platforms: Platform[] = [
  // developers.facebook.com/docs/meta-pixel (base code 2.0) and …/conversions-api/deduplicate-pixel-and-server-events, November 2026
  {
    holder: () => page,
    key: "fbq",
    read: (args) => {
      const kind = /^track(Single)?(Custom)?$/.exec(args[0]);
      if (!kind) return;
      const at = kind[1] ? 2 : 1;
      return {
        name: args[at],
        pixel: kind[1] ? args[1] : "",
        id: args[at + 2]?.eventID,
        give: (id) => {
          args[at + 1] = args[at + 1] || {};
          args[at + 2] = { ...args[at + 2], eventID: id };
        },
      };
    },
    write: (name, id, properties) => [
      /^(CourseEnr|Newsl)/.test(name) ? "trackCustom" : "track",
      name,
      known({
        ...money(properties),
        content_type: items(properties)[0] && "product",
        content_ids: items(properties).map((item) => item.id + ""),
        contents: each(properties, (item) => ({ id: item.id + "", quantity: +item.quantity || 1, item_price: item.price && +item.price })),
        content_name: properties.content_name,
        search_string: properties.search_string,
        order_id: properties.order_id,
      }),
      { eventID: id },
    ],
    queue: (fbq) => (fbq.callMethod ? undefined : fbq.queue),
    request: /facebook\.com\/(?:privacy_sandbox\/\S+|tr)\/?\?.*\bev=(\w+)/,
  },
  // ads.tiktok.com/help/article/event-deduplication, May 2025: event_id in the third argument
  {
    holder: () => page.ttq,
    key: "track",
    read: (args) => ({
      name: args[0],
      pixel: "",
      id: args[2]?.event_id,
      give: (id) => {
        args[1] = args[1] || {};
        args[2] = { ...args[2], event_id: id };
      },
    }),
    write: (name, id, properties) => [
      name,
      known({
        ...money(properties),
        content_type: items(properties)[0] && "product",
        contents: each(properties, (item) => ({
          content_id: item.id + "",
          content_name: item.name,
          content_category: item.category,
          brand: item.brand,
          price: item.price && +item.price,
          quantity: +item.quantity || 1,
        })),
        search_string: properties.search_string,
        order_id: properties.order_id,
      }),
      { event_id: id },
    ],
    // a list of [method, ...arguments] until its script replaces it
    queue: () => (Array.isArray(page.ttq) ? page.ttq : undefined),
  },
  // developers.pinterest.com/docs/api-features/pinterest-tag, November 2026: names are told apart without case and dashes
  {
    holder: () => page,
    key: "pintrk",
    read: (args) =>
      args[0] === "track"
        ? {
            name: (args[1] + "").toLowerCase().replace(/_/g, ""),
            pixel: "",
            id: args[2]?.event_id,
            give: (id) => void (args[2] = { ...args[2], event_id: id }),
          }
        : undefined,
    write: (name, id, properties) => [
      "track",
      name,
      known({
        event_id: id,
        ...money(properties),
        order_id: properties.order_id,
        order_quantity: items(properties).reduce((sum, item) => sum + (+item.quantity || 1), 0) || undefined,
        line_items: each(properties, (item) => ({
          product_id: item.id + "",
          product_name: item.name,
          product_category: item.category,
          product_brand: item.brand,
          product_price: item.price && +item.price,
          product_quantity: +item.quantity || 1,
        })),
        search_query: properties.search_string,
      }),
    ],
    queue: (pintrk) => pintrk.queue,
    request: /ct\.pinterest\.com\/.*\bevent=(\w+)/,
  },
];
