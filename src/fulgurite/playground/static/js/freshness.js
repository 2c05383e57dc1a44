// Whether a shown value is still true, and if not, why and since when. No value stays true only because no message has
// changed it: the backend may be stopped.
import { isPrivate, KINDS, silenceOf } from "./channels.js";
import { emptyWithValues } from "./source.js";
import * as state from "./state.js";
import { computed } from "../vendor/signals.js";

/** @typedef {"stopped" | "disconnected" | "interrupted" | "unsubscribed" | "refused" | "silent"} WhyOld */
/** @typedef {{why: WhyOld, sinceMs: number | null}} Old when it was last true; null if that is not known */

export const second = computed(() => Math.floor(state.now.value / 1000) * 1000);

/** When a message of each channel came last, and when one could last have come: that outlives a subscription. */
const known = /** @type {Map<string, {heardMs: number | null, flowedMs: number | null}>} */ (new Map());
let flowedMs = /** @type {number | null} */ (null);
emptyWithValues(() => {
  known.clear();
  flowedMs = null;
});

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  channels({ now_ms, channels }) {
    if (state.connection.peek()?.state !== "open") return;
    flowedMs = now_ms;
    for (const { channel, state: name, last_ms } of channels) {
      const before = known.get(channel);
      const flows = name === "receiving" || name === "acknowledged";
      known.set(channel, {
        heardMs: last_ms ?? before?.heardMs ?? null,
        flowedMs: flows ? now_ms : before?.flowedMs ?? null,
      });
    }
  },
};

/** @returns {WhyOld | null} the fault of the whole connection */
export function whyOld() {
  if (state.link.value !== "open") return "stopped";
  if (!state.isConnected.value) return "disconnected";
  return state.connection.value?.state === "open" ? null : "interrupted";
}

/** @returns {Old | null} of the backend's words */
export const oldProgram = () => (state.link.value === "open" ? null : { why: "stopped", sinceMs: flowedMs });

/** @returns {Old | null} of the whole connection */
export function oldConnection() {
  const why = whyOld();
  return why && { why, sinceMs: flowedMs };
}

/** Channels on which silence is news, too: no execution, no event of an order. @param {string} channel */
const tellsBySilence = (channel) => channel.startsWith(KINDS[3].prefix) || isPrivate(channel);

/** @param {string} channel @returns {Old | null} of a channel's messages */
export function oldChannel(channel) {
  const { heardMs = null, flowedMs: couldMs = null } = known.get(channel) ?? {};
  const sinceMs = tellsBySilence(channel) ? couldMs ?? heardMs : heardMs;
  const why = whyOld();
  if (why) return { why, sinceMs };
  if (!state.wanted.value.has(channel)) return { why: "unsubscribed", sinceMs };
  const told = state.channels.value.get(channel);
  if (told?.state === "refused") return { why: "refused", sinceMs };
  if (told?.state === "acknowledged" && tellsBySilence(channel)) {
    const askedMs = state.channelSince.get(channel)?.sinceMs ?? second.value;
    return second.value - askedMs > silenceOf(channel) ? { why: "silent", sinceMs: heardMs ?? askedMs } : null;
  }
  if (told?.state !== "receiving" || told.last_ms === null) return { why: "interrupted", sinceMs };
  return second.value - told.last_ms > silenceOf(channel) ? { why: "silent", sinceMs: told.last_ms } : null;
}

/** @returns {Old | null} of the book of the product in view, beyond its own state */
export function oldBook() {
  const channels = [KINDS[0].prefix, KINDS[1].prefix].map((prefix) => prefix + state.product.value);
  const heard = channels.map((channel) => known.get(channel)?.heardMs ?? 0);
  const heardMs = Math.max(...heard) || null;
  const why = whyOld();
  if (why) return { why, sinceMs: heardMs };
  if (!channels.every((channel) => state.wanted.value.has(channel))) return { why: "unsubscribed", sinceMs: heardMs };
  const isSilent = heardMs !== null && second.value - heardMs > silenceOf(channels[0] ?? "");
  return isSilent ? { why: "silent", sinceMs: heardMs } : null;
}
