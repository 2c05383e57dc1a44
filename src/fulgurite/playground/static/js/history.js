// The history of the connection for the strip and the connection view: events, newest last, and the states of each
// connection. Pure: arguments are never changed, and `key` tells events apart.

/** @typedef {import("./messages.js").Gap} Gap */
/** @typedef {import("./messages.js").Status} Status */
/**
 * One interruption, of one or more channels.
 * @typedef {{type: "gap", channels: string[], reason: string, from_ms: number, to_ms: number,
 *   repaired: Gap["repaired"], gaps: Gap[]}} GapRow
 */
/**
 * Channels that were asked for together, and how long each answer took; or that were given up together.
 * @typedef {{type: "subscribed" | "unsubscribed", at_ms: number, connection: number,
 *   answers: {channel: string, seconds: number | null}[]}} Answers
 */
/**
 * An event of the page itself: its line to the backend was lost or is back, it slept, the backend did, it was loaded
 * anew.
 * @typedef {{type: "page", kind: "lost" | "back" | "slept" | "stopped" | "reloaded" | "full" | "locked",
 *   at_ms: number, seconds: number}} PageRow
 */
/** @typedef {(GapRow | Status | Answers | PageRow) & {key: number}} EventRow */
/** @typedef {"connecting" | "open" | "waiting" | "off" | "unknown"} LaneState */
/** @typedef {{state: LaneState, from_ms: number, to_ms: number | null}} Span */
/** @typedef {ReadonlyMap<number, readonly Span[]>} Lanes */

export const EVENT_LIMIT = 500;
export const SPAN_LIMIT = 500;
export const STRIP_MS = 600_000;

/** Gaps that end within so many milliseconds of each other are one interruption of several channels. */
const SAME_GAP_MS = 500;
/** Answers that come within so many milliseconds belong together. */
const TOGETHER_MS = 3_000;

const LANE_STATES = /** @type {Record<string, LaneState>} */ ({
  connecting: "connecting", open: "open", closed: "waiting", unreachable: "waiting", backing_off: "waiting",
  failed: "off", disconnected: "off",
});

/** The time of an event; for a gap its end. @param {EventRow} row @returns {number} */
export const timeOf = (row) => (row.type === "gap" ? row.to_ms : row.at_ms);

/**
 * @param {readonly EventRow[]} events
 * @param {EventRow} row
 * @returns {EventRow[]} with the new one, without the oldest beyond the limit
 */
export const withEvent = (events, row) => [...events.slice(-EVENT_LIMIT + 1), row];

/**
 * @param {readonly EventRow[]} events
 * @param {Status} status
 * @param {number} key
 * @returns {readonly EventRow[]}
 */
export function withStatus(events, status, key) {
  const { kind, at_ms, connection } = status;
  if (kind !== "subscribed" && kind !== "unsubscribed") return withEvent(events, { ...status, key });
  const answer = { channel: status.channel, seconds: status.seconds };
  const last = events.at(-1);
  if (last?.type === kind && last.connection === connection && at_ms - last.at_ms < TOGETHER_MS) {
    return events.with(-1, { ...last, answers: [...last.answers, answer] });
  }
  return withEvent(events, { type: kind, at_ms, connection, answers: [answer], key });
}

/**
 * A channel's gap joins those of the same interruption, or takes the place of itself when its repair has ended.
 * @param {readonly EventRow[]} events
 * @param {Gap} gap
 * @param {number} key
 * @returns {readonly EventRow[]}
 */
export function withGap(events, gap, key) {
  const again = events.findLastIndex((row) => row.type === "gap" && row.gaps.some((other) => isSame(other, gap)));
  const index = again < 0 ? events.findLastIndex((row) => row.type === "gap" && isOneWith(row, gap)) : again;
  const row = events[index];
  if (row?.type !== "gap") return withEvent(events, { ...interruption([gap]), key });
  const others = row.gaps.filter((other) => other.channel !== gap.channel || !isSame(other, gap));
  return events.with(index, { ...interruption([...others, gap]), key: row.key });
}

/**
 * The first message after a gap has come, after the gap was told.
 * @param {readonly EventRow[]} events @param {import("./messages.js").GapFirst} found @returns {readonly EventRow[]}
 */
export function withFirst(events, found) {
  const index = events.findLastIndex((row) => row.type === "gap" && row.gaps.some((gap) => isSame(gap, found)));
  const row = events[index];
  if (row?.type !== "gap") return events;
  const gaps = row.gaps.map((gap) => (isSame(gap, found) ? { ...gap, first: found.first } : gap));
  return events.with(index, { ...row, gaps });
}

/** @typedef {{channel: string, from_ms: number, to_ms: number}} Where */

/** @param {Where} one @param {Where} other @returns {boolean} whether it is the same gap, before and after its repair */
export const isSame = (one, other) =>
  one.channel === other.channel && one.from_ms === other.from_ms && one.to_ms === other.to_ms;

/** @param {GapRow} row @param {Gap} gap @returns {boolean} whether they are of one interruption */
export const isOneWith = (row, gap) => row.reason === gap.reason && !row.channels.includes(gap.channel)
  && Math.abs(row.to_ms - gap.to_ms) < SAME_GAP_MS;

/** @param {Gap[]} gaps of the same interruption; at least one @returns {GapRow} */
export function interruption(gaps) {
  const states = new Set(gaps.map(({ repaired }) => repaired));
  const [only] = states;
  return {
    type: "gap",
    channels: gaps.map(({ channel }) => channel),
    reason: gaps[0]?.reason ?? "",
    // Each channel was last heard of at its own moment; the interruption began after the latest of them.
    from_ms: Math.max(...gaps.map(({ from_ms }) => from_ms)),
    to_ms: Math.max(...gaps.map(({ to_ms }) => to_ms)),
    repaired: states.has("pending") ? "pending" : states.size === 1 && only ? only : "partial",
    gaps,
  };
}

/** @param {GapRow} row @returns {number} how much of it is mended, from 0 to 1: the share of its channels */
export const mendedShare = (row) => row.gaps.filter(({ repaired }) => repaired === "full").length / row.gaps.length;

/**
 * @param {Lanes} lanes
 * @param {Status} status
 * @returns {Lanes} with the connection in the next state
 */
export function withLaneState(lanes, { kind, connection, at_ms }) {
  const state = LANE_STATES[kind];
  const spans = lanes.get(connection) ?? [];
  if (!state || spans.at(-1)?.state === state) return lanes;
  const ended = endedAt(spans, at_ms).filter(({ to_ms }) => (to_ms ?? at_ms) > at_ms - STRIP_MS);
  const next = [...ended.slice(-SPAN_LIMIT + 1), { state, from_ms: at_ms, to_ms: null }];
  return new Map([...lanes, [connection, next]]);
}

/**
 * Nobody could say how any connection was in this time.
 * @param {Lanes} lanes
 * @param {number} from_ms
 * @param {number | null} to_ms null for until now
 * @returns {Lanes}
 */
export const withUnknown = (lanes, from_ms, to_ms) => new Map([...lanes].map(([connection, spans]) => {
  const end = to_ms ?? Infinity;
  const wasUp = spans.some((span) => span.state !== "off" && span.from_ms < end && (span.to_ms ?? Infinity) > from_ms);
  if (!wasUp) return [connection, spans];
  const around = spans.flatMap((span) => [
    { ...span, to_ms: Math.min(span.to_ms ?? Infinity, from_ms) },
    { ...span, from_ms: Math.max(span.from_ms, end) },
  ]).filter((span) => (span.to_ms ?? Infinity) > span.from_ms);
  const unknown = { state: /** @type {const} */ ("unknown"), from_ms, to_ms };
  return [connection, [...around, unknown].sort((one, other) => one.from_ms - other.from_ms)];
}));

/** Nothing is known of any connection from now on. @param {Lanes} lanes @param {number} at_ms @returns {Lanes} */
export const endedLanes = (lanes, at_ms) =>
  new Map([...lanes].map(([connection, spans]) => [connection, endedAt(spans, at_ms)]));

/** @param {readonly Span[]} spans @param {number} at_ms @returns {Span[]} */
const endedAt = (spans, at_ms) => spans.map((span) => (span.to_ms === null ? { ...span, to_ms: at_ms } : span));
