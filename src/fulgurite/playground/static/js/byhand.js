// The connection by hand: frames that the user writes, and the server's answers.
import { signal } from "../vendor/signals.js";
import { send } from "./backend.js";
import { kept, told } from "./source.js";
import * as state from "./state.js";

/** @typedef {import("./messages.js").Frame | import("./messages.js").Status} HandRow */

/** The rows that are shown beside the text. */
const ROW_LIMIT = 100;

export const handState = told(() => /** @type {import("./messages.js").HandState | null} */ (null));
export const handRows = kept(() => /** @type {readonly HandRow[]} */ ([]));
/** Whether the panel is open. */
export const isOpen = signal(false);
/** Whether the user means the real service: asked anew for each page, and each time that it is chosen. */
export const isConfirmed = kept(() => false);

export const togglePanel = () => { isOpen.value = !isOpen.value; };

export const toggleConfirmed = () => { isConfirmed.value = !isConfirmed.value; };

/** @param {string} text */
export function sendByHand(text) {
  state.problem.value = "";
  send({
    type: "byhand", text, endpoint: state.endpoint.value, dialect: state.dialect.value,
    confirmed: state.isReal.value && isConfirmed.value,
  });
}

export const endByHand = () => { send({ type: "endbyhand" }); };

/** @param {HandRow} row */
const add = (row) => { handRows.value = [...handRows.value.slice(1 - ROW_LIMIT), row]; };

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  handstate(message) { handState.value = message; },
  frame(message) { if (message.by_hand) add(message); },
  status(message) { if (message.kind.startsWith("hand_")) add(message); },
};
