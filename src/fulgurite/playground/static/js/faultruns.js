// The faults that the user starts, and their effects on this connection.
import { signal } from "../vendor/signals.js";
import { control, maintain } from "./ask.js";
import { kept, told } from "./source.js";
import * as state from "./state.js";

/** @typedef {Record<string, unknown> & {fault: string}} Fault as the control API takes it */
/** @typedef {Fault & {number: number}} ActiveFault */
/** @typedef {import("./presets.js").Preset} Preset */
/**
 * @typedef {object} Happening one line of the effects
 * @property {"status" | "gap" | "book" | "market" | "malformed"} type
 * @property {string} kind of the status, the state of book or market, or the repair of a gap
 * @property {number} atMs
 * @property {string[]} channels
 * @property {string} detail as it came, the same for all that are one line
 * @property {import("./messages.js").Status | import("./messages.js").Gap | null} told the message, for its words
 * @property {number} count how many came at once
 * @property {number} fromMs the beginning of a gap
 * @property {Record<string, string>} repairs of a gap, by channel
 */
/**
 * @typedef {object} Run
 * @property {string} id of the preset, or "" for a fault by hand
 * @property {number} startedMs
 * @property {number | null} struckMs when it was first seen here
 * @property {number | null} recoveredMs when all was well again, for now
 * @property {Happening[]} happenings oldest first
 * @property {number} left how many more there were
 */

export const HAPPENING_LIMIT = 60;

export const active = told(() => /** @type {ActiveFault[]} */ ([]));
export const run = kept(() => /** @type {Run | null} */ (null));
/** The control API's refusal of the last request. */
export const refusal = told(() => "");
export const maintaining = told(() => false);
/** The target of the presets. */
export const aim = signal(/** @type {"page" | "everyone"} */ ("page"));

/** @param {"page" | "everyone"} target */
export const chooseAim = (target) => { aim.value = target; };

/** The name of this page's connections. @returns {string} */
export const ownName = () => state.hello.value?.client ?? "";

/** @param {Fault} fault @returns {Fault} at this page alone, if that is wanted */
const aimed = (fault) => (aim.peek() === "page" ? { ...fault, client: ownName() } : fault);

/** @param {import("./messages.js").Answer} answer @returns {string} "" where it was granted */
function wrong({ status, body }) {
  if (status === 200 || status === 201) return "";
  try {
    return JSON.parse(body).error ?? body;
  } catch {
    return body || "-";
  }
}

async function listActive() {
  const answer = await control("GET", "faults");
  if (answer.status === 200) active.value = JSON.parse(answer.body);
}

let looking = false;

/** Look at the faults that are on, unless an answer is still awaited: on a slow machine the questions would pile up. */
export async function look() {
  if (looking) return;
  looking = true;
  await listActive();
  looking = false;
}

/** @param {string} id */
function begin(id) {
  refusal.value = "";
  run.value = { id, startedMs: state.now.peek(), struckMs: null, recoveredMs: null, happenings: [], left: 0 };
}

/** @param {Preset} preset */
export async function press(preset) {
  begin(preset.id);
  if (preset.maintenance) {
    maintaining.value = true;
    refusal.value = wrong(await maintain());
    maintaining.value = false;
  }
  const product = state.product.peek();
  if (preset.market) refusal.value = wrong(await control("POST", "market", preset.market(product)));
  for (const fault of preset.faults?.(product) ?? []) {
    refusal.value = wrong(await control("POST", "faults", aimed(fault)));
    if (refusal.value) break;
  }
  await listActive();
}

/** Give one fault, written by hand. @param {unknown} fault */
export async function give(fault) {
  begin("");
  refusal.value = wrong(await control("POST", "faults", fault));
  await listActive();
}

/** @param {number} [number] of the fault; all without it */
export async function end(number) {
  refusal.value = wrong(await control("DELETE", number === undefined ? "faults" : `faults/${number}`));
  await listActive();
}

/** How often the faults that are on are looked at, in milliseconds: they end by themselves. */
const LOOK_MS = 1000;
let lookedMs = 0;

const KINDS = new Set(["closed", "unreachable", "backing_off", "open", "authenticated", "silent", "dead", "refused",
  "unanswered", "failed"]);
const HARMLESS = new Set(["open", "authenticated", "backing_off"]);

/** @returns {Run | null} the run that is still watched */
function watched() {
  const seen = run.peek();
  return seen && !isOver(seen) ? seen : null;
}

/** @param {number} atMs @returns {boolean} whether this may come of the fault that is watched */
const follows = (atMs) => atMs >= (watched()?.startedMs ?? Infinity);

/** They note possible effects of a fault, and compare them with the state before.
 * @type {import("./messages.js").Handlers} */
export const handlers = {
  status(message) {
    if (!follows(message.at_ms) || !KINDS.has(message.kind)) return;
    note("status", message.kind, message.at_ms, [message.channel].filter(Boolean), message.detail, message);
  },
  gap(message) {
    if (!follows(message.to_ms)) return;
    note("gap", message.repaired, message.to_ms, [message.channel], message.reason, message, message.from_ms);
  },
  malformed(message) {
    if (watched()) note("malformed", "", message.at_ms, [], message.problem);
  },
  book({ state: name, product_code, reason, drift_count }) {
    if (!watched()) return;
    const before = state.book.peek();
    if (name === "STALE" && before?.state === "LIVE") note("book", name, state.now.peek(), [product_code], reason);
    else if (name === "LIVE" && before?.state === "STALE") note("book", name, state.now.peek(), [product_code], "");
    else if (drift_count > (before?.drift_count ?? Infinity)) note("book", "drift", state.now.peek(), [product_code], "");
  },
  ticker({ state: name, product_code }) {
    const before = state.ticker.peek();
    if (!watched() || before?.product_code !== product_code || before.state === name) return;
    note("market", name, state.now.peek(), [product_code], "");
  },
  channels({ now_ms, channels }) {
    const seen = watched();
    if (!seen || seen.recoveredMs !== null) return;
    if (now_ms - lookedMs >= LOOK_MS) {
      lookedMs = now_ms;
      void look();
    }
    if (seen.struckMs !== null && isWell(channels, seen)) run.value = { ...seen, recoveredMs: now_ms };
  },
};

/** How long after all was well again something may still be of the same fault, as a repair is. */
const AFTER_MS = 10_000;

/** @param {Run} seen */
const isOver = ({ recoveredMs }) => recoveredMs !== null && state.now.peek() - recoveredMs > AFTER_MS;

/** Whether a fault can hit this page. @param {ActiveFault} fault */
const hitsHere = ({ client }) => client === undefined || client === ownName();

/** Whether the faults are over and every channel flows again, since the last thing that went wrong.
 * @param {import("./messages.js").ChannelState[]} channels @param {Run} seen */
function isWell(channels, seen) {
  const worst = seen.happenings.findLast(isBad)?.atMs ?? 0;
  const book = state.book.peek();
  const market = state.ticker.peek()?.state || "RUNNING";
  return market === "RUNNING" && !active.peek().some(hitsHere) && !maintaining.peek()
    && state.connection.peek()?.state === "open" && channels.length > 0 && book?.state !== "STALE"
    && channels.every(({ channel, state: name, last_ms: last }) => (
      name === "receiving" || name === "acknowledged") && (!FLOWS.test(channel) || (last ?? 0) > worst));
}

/** Channels that tell soon whether they flow; others may be silent for long. */
const FLOWS = /^lightning_(board|ticker)_/;

/** @param {Happening} happening */
const isBad = ({ type, kind }) => (
  type === "status" ? !HARMLESS.has(kind) : type === "gap" ? false : type === "book" ? kind !== "LIVE"
    : type === "market" ? kind !== "RUNNING" : true);

/** @param {Happening["type"]} type @param {string} kind @param {number} atMs @param {string[]} channels
 * @param {string} detail @param {Happening["told"]} [told] @param {number} [fromMs] */
function note(type, kind, atMs, channels, detail, told = null, fromMs = 0) {
  const seen = /** @type {Run} */ (run.peek());
  const repairs = type === "gap" ? Object.fromEntries(channels.map((channel) => [channel, kind])) : {};
  const next = { type, kind, atMs, channels, detail, told, count: 1, fromMs, repairs };
  const happenings = merged(seen.happenings, next);
  const left = Math.max(0, happenings.length - HAPPENING_LIMIT);
  const bad = isBad(next);
  run.value = {
    ...seen, happenings: happenings.slice(left), left: seen.left + left,
    struckMs: seen.struckMs ?? (bad || type === "gap" ? atMs : null), recoveredMs: bad ? null : seen.recoveredMs,
  };
}

/** Gaps of one interruption are one line, as are things that repeat. @param {Happening[]} before
 * @param {Happening} next @returns {Happening[]} */
function merged(before, next) {
  const at = before.findLastIndex((each) => each.type === next.type && (next.type === "gap"
    ? each.detail === next.detail && Math.abs(each.atMs - next.atMs) < 1000
    : each.kind === next.kind && each.detail === next.detail && each === before.at(-1)));
  const same = before[at];
  if (!same) return [...before, next];
  const channels = [...new Set([...same.channels, ...next.channels])];
  return before.with(at, {
    ...next, channels, count: same.count + 1, atMs: next.type === "gap" ? same.atMs : next.atMs,
    fromMs: Math.max(same.fromMs, next.fromMs), repairs: { ...same.repairs, ...next.repairs },
  });
}
