// The few parts of node the tests use; its full type package is not worth an install.
declare module "node:test" {
  export const test: (name: string, action: () => void | Promise<void>) => void;
}
declare module "node:assert/strict" {
  const assert: {
    equal(actual: unknown, expected: unknown, message?: string): void;
    notEqual(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    match(actual: string, expected: RegExp, message?: string): void;
    ok(actual: unknown, message?: string): void;
  };
  export default assert;
}
declare module "node:fs" {
  export const readFileSync: (path: string, encoding: "utf8") => string;
}
declare module "node:vm" {
  export const createContext: (globals: object) => object;
  export const runInContext: (code: string, context: object) => unknown;
}
declare const process: { env: Record<string, string> };
declare const setImmediate: (action: () => void) => void;
