import { read, write } from "./storage";

/** A random UUID (version 4). crypto.randomUUID is missing on plain http pages. */
export const uuid = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte + 256).toString(16).slice(1))
    .join("")
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})/, "$1-$2-4$3-a$4-");

/** The anonymous id of this browser on this website. */
export const visitorId = (): string => {
  const id = read("ct_visitor") || uuid();
  // written again each time: both stores, and a life that starts anew
  write("ct_visitor", id);
  return id;
};
