// The lives of orders, put together from the private channels and from HTTP. Bounded: the oldest are forgotten,
// those that have ended first.

/** @typedef {import("./messages.js").OrderEvent} OrderEvent */
/** @typedef {"child" | "parent"} Kind */
/** @typedef {"accepted" | "active" | "completed" | "canceled" | "expired" | "rejected" | "unknown"} LifeState */
/**
 * @typedef {object} Moment something in an order's life
 * @property {string} type the event's, or ACCEPTED, LISTED, GAP, UNRESOLVED
 * @property {number} atMs when it was told
 * @property {string} date as the exchange's clock has it, or ""
 * @property {boolean} reconciled whether it was concluded afterwards
 * @property {number} count how many events, where several executions came at once
 * @property {number} size executed, or 0
 * @property {number | null} outstanding of the order, afterwards
 * @property {number | null} index of the part of a special order, from 1
 * @property {string} detail a reason, a price, or the repair of a gap
 * @property {number} [fromMs] the beginning of a gap
 * @property {string} [repaired] of a gap
 */
/**
 * @typedef {object} Life
 * @property {string} id the acceptance id
 * @property {Kind} kind
 * @property {string} product
 * @property {string} type
 * @property {string} side
 * @property {number | null} price
 * @property {number | null} size
 * @property {number | null} outstanding
 * @property {LifeState} state
 * @property {string} parent the acceptance id of the special order that it is a part of, or ""
 * @property {number} part its number there, from 1
 * @property {Moment[]} moments oldest first
 * @property {number} left how many moments are forgotten
 */
/** @typedef {ReadonlyMap<string, Life>} Lives by acceptance id, oldest first */

export const LIFE_LIMIT = 200;
export const MOMENT_LIMIT = 60;

const ENDS = /** @type {Record<string, LifeState>} */ ({
  CANCEL: "canceled", EXPIRE: "expired", ORDER_FAILED: "rejected", UNRESOLVED: "unknown",
});

/** @param {Life} life */
export const isOpen = ({ state }) => state === "active" || state === "accepted";

/** @param {unknown} value @returns {number | null} */
const number = (value) => (typeof value === "number" ? value : null);
/** @param {unknown} value @returns {string} */
const string = (value) => (typeof value === "string" ? value : "");

/**
 * The orders without those that have ended. A special order goes together with its parts, once all of them have: they
 * end one after another, and those left over would stand there as if nobody had wanted them to go.
 * @param {Lives} lives
 * @returns {Lives}
 */
export function withoutEnded(lives) {
  /** @param {Life} order */
  const top = ({ id, parent }) => (lives.has(parent) ? parent : id);
  const open = new Set([...lives.values()].filter(isOpen).map(top));
  return new Map([...lives].filter(([, order]) => open.has(top(order))));
}

/** @param {string} type @param {number} atMs @param {Partial<Moment>} [more] @returns {Moment} */
const moment = (type, atMs, more = {}) => (
  { type, atMs, date: "", reconciled: false, count: 1, size: 0, outstanding: null, index: null, detail: "", ...more });

/** @param {string} id @param {Kind} kind @param {Partial<Life>} [more] @returns {Life} */
const life = (id, kind, more = {}) => ({
  id, kind, product: "", type: "", side: "", price: null, size: null, outstanding: null, state: "accepted", parent: "",
  part: 0, moments: [], left: 0, ...more,
});

/** @param {Lives} lives @param {Life} changed @returns {Lives} */
function put(lives, changed) {
  const next = new Map(lives);
  const left = Math.max(0, changed.moments.length - MOMENT_LIMIT);
  next.set(changed.id, { ...changed, moments: changed.moments.slice(left), left: changed.left + left });
  while (next.size > LIFE_LIMIT) {
    const [oldest] = [...next.values()].filter((each) => !isOpen(each));
    next.delete(oldest?.id ?? next.keys().next().value ?? "");
  }
  return next;
}

/**
 * An order was accepted over HTTP, or found in a list of it.
 * @param {Lives} lives
 * @param {Life["id"]} id
 * @param {Kind} kind
 * @param {Partial<Life>} facts
 * @param {"ACCEPTED" | "LISTED"} type
 * @param {number} atMs
 * @returns {Lives}
 */
export function told(lives, id, kind, facts, type, atMs) {
  const known = lives.get(id);
  if (known && type === "LISTED") return lives;
  const { moments, ...rest } = known ?? life(id, kind);
  // Events may be faster than the answer; they know better.
  const merged = known ? { ...facts, ...rest, size: rest.size ?? facts.size ?? null } : { ...rest, ...facts };
  const first = moment(type, Math.min(atMs, moments[0]?.atMs ?? atMs));
  return put(lives, { ...life(id, kind), ...merged, moments: [first, ...moments] });
}

/**
 * Take one message of a private channel.
 * @param {Lives} lives
 * @param {import("./messages.js").OrderEvents} message
 * @returns {Lives}
 */
export function takeEvents(lives, { channel, at_ms: atMs, origin, events }) {
  const kind = channel === "parent_order_events" ? "parent" : "child";
  return events.reduce((before, event) => takeEvent(before, kind, event, atMs, origin === "reconciled"), lives);
}

/** @param {Lives} lives @param {Kind} kind @param {OrderEvent} event @param {number} atMs @param {boolean} reconciled
 * @returns {Lives} */
function takeEvent(lives, kind, event, atMs, reconciled) {
  const id = string(event[`${kind}_order_acceptance_id`]);
  const known = lives.get(id) ?? life(id, kind);
  const changed = { ...known, product: event.product_code };
  const type = event.event_type;
  const index = number(event.parameter_index);
  const next = moment(type, atMs, { reconciled, index, detail: string(event.reason), date: event.event_date });
  if (kind === "child") takeChild(changed, event, next);
  else takeParent(changed, event, next);
  changed.moments = joined(known.moments, next);
  const result = put(lives, changed);
  const part = string(event.child_order_acceptance_id);
  if (kind !== "parent" || type !== "TRIGGER" || !part) return result;
  return put(result, { ...(result.get(part) ?? life(part, "child")), parent: id, part: index ?? 0 });
}

/** @param {Life} order @param {OrderEvent} event @param {Moment} next */
function takeChild(order, event, next) {
  const outstanding = number(event.outstanding_size);
  switch (event.event_type) {
    case "ORDER":
      order.type = string(event.child_order_type);
      order.side = string(event.side);
      order.price = number(event.price);
      order.size = number(event.size);
      order.outstanding ??= order.size;
      if (order.state === "accepted") order.state = "active";
      break;
    case "EXECUTION":
      next.size = number(event.size) ?? 0;
      next.detail = String(event.price ?? "");
      order.side ||= string(event.side);
      order.outstanding = outstanding;
      order.state = outstanding === 0 ? "completed" : "active";
      break;
    default:
      order.state = ENDS[event.event_type] ?? order.state;
  }
  next.outstanding = order.outstanding;
}

/** @param {Life} order @param {OrderEvent} event @param {Moment} next */
function takeParent(order, event, next) {
  switch (event.event_type) {
    case "ORDER":
      order.type = string(event.parent_order_type) || order.type;
      order.state = "active";
      break;
    case "TRIGGER":
      next.size = number(event.size) ?? 0;
      next.detail = event.price ? String(event.price) : "";
      break;
    case "COMPLETE":
      // IFD and IFDOCO go on after their first part.
      if (!order.type.startsWith("IFD") || (next.index ?? 0) >= 2) order.state = "completed";
      break;
    default:
      order.state = ENDS[event.event_type] ?? order.state;
  }
}

/** Executions within so many milliseconds of each other are one moment. */
const TOGETHER_MS = 1000;

/** @param {Moment[]} moments @param {Moment} next @returns {Moment[]} */
function joined(moments, next) {
  const last = moments.at(-1);
  const together = last && next.type === "EXECUTION" && last.type === "EXECUTION"
    && next.atMs - last.atMs < TOGETHER_MS && last.reconciled === next.reconciled;
  if (!together) return [...moments, next];
  const size = Number((last.size + next.size).toFixed(8));
  return [...moments.slice(0, -1), { ...next, count: last.count + 1, size }];
}

/**
 * A private channel was interrupted: the lives of its open orders have a gap, until it is repaired.
 * @param {Lives} lives
 * @param {import("./messages.js").Gap} gap
 * @returns {Lives}
 */
export function takeGap(lives, gap) {
  const kind = gap.channel === "parent_order_events" ? "parent" : "child";
  const missed = moment("GAP", gap.to_ms, { fromMs: gap.from_ms, repaired: gap.repaired, detail: gap.note });
  let next = lives;
  for (const order of lives.values()) {
    if (order.kind !== kind) continue;
    const at = order.moments.findIndex((each) => each.type === "GAP" && each.fromMs === gap.from_ms);
    const unresolved = gap.unresolved.includes(order.id);
    if (at >= 0) {
      const moments = order.moments.with(at, missed);
      next = put(next, unresolved && isOpen(order)
        ? { ...order, state: "unknown", moments: [...moments, moment("UNRESOLVED", gap.to_ms)] }
        : { ...order, moments });
    } else if (isOpen(order) && (order.moments[0]?.atMs ?? 0) < gap.to_ms) {
      next = put(next, { ...order, moments: [...order.moments, missed] });
    }
  }
  return next;
}
