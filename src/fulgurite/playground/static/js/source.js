// The source of the shown values: an endpoint, or a frame log in replay. They are declared with `told` or `kept`, so that
// no value of one source can be left standing under the name of another.
import { batch, signal } from "../vendor/signals.js";

/**
 * @template T
 * @typedef {import("../vendor/signals.js").Signal<T>} Signal
 */

/** Functions that bring the present values, and the past ones, back to their beginning. */
const values = /** @type {(() => void)[]} */ ([]);
const past = /** @type {(() => void)[]} */ ([]);

/** The page counts its choices of a source, and the backend says when it goes on with one: its earlier messages are of
 * another source, and come too late. */
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
 * A record of past events. A restart of the backend and the start of a connection leave it.
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

/** Forget the past events. */
export const forgetPast = () => batch(() => past.forEach((empty) => empty()));

const forgetValues = () => batch(() => values.forEach((empty) => empty()));

/** The number of the present choice of a source. */
export const sourceNumber = () => chosen;

/** Another source is chosen: nothing of the one before is shown or taken any more. */
export function leaveSource() {
  expectSource();
  forgetPast();
}

/** The backend is to begin anew, with the same source. Past events stay. */
export function expectSource() {
  chosen += 1;
  forgetValues();
}

/** All that the backend tells from here on is of the source of this choice. @param {number} number */
export function reachSource(number) {
  reached = number;
  forgetValues();
}

/** Whether the backend's messages are of the chosen source by now. */
export const isSourceReached = () => reached === chosen;
