// As much of Node.js's test runner as these tests call; @types/node would give its globals to the page's modules too.
declare module "node:test" {
  export default function test(name: string, run: () => void | Promise<void>): void;
}
declare module "node:assert/strict" {
  export function deepEqual<T>(actual: T, expected: T): void;
  export function equal<T>(actual: T, expected: T, message?: string): void;
  export function ok(value: unknown, message?: string): asserts value;
}
