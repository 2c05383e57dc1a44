// Questions to the backend that have one answer each.
import { credentials } from "./account.js";
import * as backend from "./backend.js";
import { sign } from "./signing.js";
import { sourceNumber } from "./source.js";

/** @typedef {import("./messages.js").Answer} Answer */

/** @type {Map<number, {source: number, resolve: (answer: Answer) => void}>} the askers by the number of
 * their question, each with its source */
const waiting = new Map();
let asked = 0;

/** @param {(number: number) => import("./messages.js").ToBackend} question @returns {Promise<Answer>} */
function ask(question) {
  asked += 1;
  const number = asked;
  return new Promise((resolve) => {
    waiting.set(number, { source: sourceNumber(), resolve });
    backend.send(question(number));
  });
}

/** Ask the control API of the embedded exchange.
 * @param {"GET" | "POST" | "DELETE"} method @param {string} path @param {unknown} [body] @returns {Promise<Answer>} */
export const control = (method, path, body) => ask((number) => (
  { type: "control", number, method, path, body: body === undefined ? "" : JSON.stringify(body) }));

/** @returns {Promise<Answer>} when the markets begin to open again */
export const maintain = () => ask((number) => ({ type: "maintain", number }));

/**
 * Ask the private HTTP API of the embedded exchange, signed here.
 * @param {"GET" | "POST"} method
 * @param {string} path below /v1/me/, with its query
 * @param {unknown} [body]
 * @returns {Promise<Answer>}
 */
export async function privately(method, path, body) {
  const target = `/v1/me/${path}`;
  const text = body === undefined ? "" : JSON.stringify(body);
  const timestamp = String(Date.now());
  const signature = await sign(timestamp + method + target + text);
  const name = credentials.value?.name ?? "";
  return ask((number) => (
    { type: "private", number, method, target, body: text, api_key: name, timestamp, signature }));
}

/** Another backend does not know the questions to the one before. */
export function giveUp() {
  for (const [number, { resolve }] of waiting) resolve(unanswered(number));
  waiting.clear();
}

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  answer(message) {
    const asker = waiting.get(message.number);
    // An answer of one exchange must not be written under the name of another.
    asker?.resolve(asker.source === sourceNumber() ? message : unanswered(message.number));
    waiting.delete(message.number);
  },
};

/** @param {number} number @returns {Answer} */
const unanswered = (number) => ({ type: "answer", number, status: 0, body: "", at_ms: 0 });
