// The page's WebSocket to its own backend. Reconnects by itself. A backend that is started again has a new name and a new
// token, and this page cannot come back to it; at the plain address it can, once that was opened in this browser again.
import * as happened from "./happened.js";
import { isFull, link } from "./state.js";
import { token } from "./token.js";

/** @typedef {import("./messages.js").FromBackend} FromBackend */
/** @typedef {import("./messages.js").ToBackend} ToBackend */

const RETRY_MS = 1000;
/** A backend that is full stays so for longer than one that is starting. */
const FULL_RETRY_MS = 5000;
/** The close code of a backend that has too many pages to serve. */
const TRY_AGAIN_LATER = 1013;
/** The HTTP statuses of a backend that does not know this browser, and of one that has another host name by now. */
const NOT_LET_IN = [403, 421];

/** @type {WebSocket | null} */
let socket = null;

/**
 * Send, if the backend is there: the user's choices are sent anew when it comes back.
 * @param {ToBackend} message
 */
export function send(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** Ask the backend for a file, or give it one. @param {string} path @param {RequestInit} [init] */
export const fetchGuarded = (path, init = {}) => (
  fetch(path, { ...init, headers: { "fulgurite-token": token() }, cache: "no-store" }));

/** Open the line and keep it open. @param {(messages: FromBackend[]) => void} receive */
export function open(receive) {
  const opening = new WebSocket(`ws://${location.host}/ws?token=${encodeURIComponent(token())}`);
  socket = opening;
  opening.addEventListener("message", ({ data }) => receive(JSON.parse(data)));
  opening.addEventListener("close", ({ code }) => {
    isFull.value = code === TRY_AGAIN_LATER;
    happened.lost(isFull.value);
    link.value = "lost";
    setTimeout(() => retry(receive), isFull.value ? FULL_RETRY_MS : RETRY_MS);
  });
}

/** @param {(messages: FromBackend[]) => void} receive */
async function retry(receive) {
  try {
    const answer = await fetchGuarded("/");
    if (answer.ok) return open(receive);
    if (NOT_LET_IN.includes(answer.status)) happened.lockedOut();
  } catch {
    // it is not there
  }
  setTimeout(() => retry(receive), RETRY_MS);
}
