// All messages of the backend pass here: a hello begins anew, and the others go through the handlers of the areas.
import { batch } from "../vendor/signals.js";
import * as ask from "./ask.js";
import * as byHand from "./byhand.js";
import * as clock from "./clock.js";
import * as connecting from "./connecting.js";
import * as credentials from "./credentials.js";
import * as faultRuns from "./faultruns.js";
import * as frameRows from "./framerows.js";
import * as freshness from "./freshness.js";
import * as happened from "./happened.js";
import * as marketData from "./marketdata.js";
import * as orders from "./orders.js";
import * as recording from "./recording.js";
import * as replay from "./replay.js";
import { expectSource, isSourceReached, reachSource } from "./source.js";
import * as state from "./state.js";
import * as traffic from "./traffic.js";

/** @typedef {import("./messages.js").FromBackend} FromBackend */

/** Each area's handlers, in their order for a message: a fault's run compares it with the state before. */
const AREAS = [
  faultRuns, ask, credentials, orders, recording, replay, byHand, frameRows, connecting, traffic, clock, freshness,
  happened, marketData,
].map(({ handlers }) => handlers);

/** The backend sends these for any source. */
const OWN = new Set(["recording", "sign", "demokey", "keys", "answer", "problem"]);

/** @param {FromBackend[]} messages */
export function receive(messages) {
  happened.heard();
  for (const message of messages) if (message.type === "hello") begin(message);
  batch(() => {
    for (const message of messages) {
      if (message.type === "source") reachSource(message.number);
      if (isSourceReached() || OWN.has(message.type)) handle(message);
    }
    frameRows.addRows();
  });
}

/** @param {FromBackend} message */
function handle(message) {
  for (const handlers of AREAS) {
    const handler = /** @type {((message: FromBackend) => void) | undefined} */ (handlers[message.type]);
    handler?.(message);
  }
}

/** A backend is there, for the first time or again. It has no connection yet and knows nothing of its predecessor.
 * @param {import("./messages.js").Hello} hello */
function begin(hello) {
  batch(() => {
    ask.giveUp();
    recording.recording.value = null;
    replay.leaveReplay();
    happened.endLanes();
    happened.found();
    state.hello.value = hello;
    state.isFull.value = false;
    state.link.value = "open";
    expectSource();
  });
  credentials.renewDemo();
  marketData.sendView();
  connecting.resume();
}
