// Where what is shown comes from: an endpoint, or a frame log that is replayed. Whatever it told is declared with `told`
// or `kept`, so that nothing of one source can be left standing under the name of another.
import { batch, signal } from "../vendor/signals.js";

/**
 * @template T
 * @typedef {import("../vendor/signals.js").Signal<T>} Signal
 */

/** What brings the present values back to their beginning, and the same of what happened. */
const values = /** @type {(() => void)[]} */ ([]);
const past = /** @type {(() => void)[]} */ ([]);

/** The page counts its choices of a source, and the backend says with which of them it goes on: what it said before is
 * of another, and comes too late. */
let chosen = 0;
let reached = 0;

/**
 * A value that the source tells.
 * @template T
 * @param {() => T} first makes it as it is before anything was told
 * @returns {Signal<T>}
 */
export function told(first) {
  const made = signal(first());
  values.push(() => { made.value = first(); });
  return made;
}

/**
 * A record of what happened. A program behind the page that is started again, and the start of a connection, leave it.
 * @template T
 * @param {() => T} first makes it as it is before anything happened
 * @returns {Signal<T>}
 */
export function kept(first) {
  const made = signal(first());
  past.push(() => { made.value = first(); });
  return made;
}

/** Have something that is no signal emptied as `told` is. @param {() => void} empty */
export const emptyWithValues = (empty) => values.push(empty);

/** Have something that is no signal emptied as `kept` is. @param {() => void} empty */
export const emptyWithPast = (empty) => past.push(empty);

/** Forget what happened, as if nothing had. */
export const forgetPast = () => batch(() => past.forEach((empty) => empty()));

const forgetValues = () => batch(() => values.forEach((empty) => empty()));

/** Which choice of a source this is. */
export const sourceNumber = () => chosen;

/** Another source is chosen: nothing of the one before is shown or taken any more. */
export function leaveSource() {
  expectSource();
  forgetPast();
}

/** The backend is to begin anew, with the same source. What happened stays. */
export function expectSource() {
  chosen += 1;
  forgetValues();
}

/** All that the backend tells from here on is of the source of this choice. @param {number} number */
export function reachSource(number) {
  reached = number;
  forgetValues();
}

/** Whether what the backend tells now is of the source that is chosen. */
export const isSourceReached = () => reached === chosen;
