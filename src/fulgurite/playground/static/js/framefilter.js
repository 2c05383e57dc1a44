// The filter of the frames view: its four parts, and the work of applying it, a slice at a time.
import { effect, signal } from "../vendor/signals.js";
import { fieldsOf, likeliest, sampleTexts } from "./framefields.js";
import { frameContent, parseFilter, valuesAt } from "./framepath.js";
import { frameLog, frameVersion } from "./state.js";

/** @typedef {import("./framelog.js").Row} Row */
/** @typedef {"all" | "received" | "sent" | "hand"} Way */

/** How long rows are looked at until the page has its turn, and how long until the matches are drawn. */
const SLICE_MS = 8;
const DRAW_MS = 150;
/** How often it is looked whether a path that led nowhere leads somewhere by now. */
const LOOK_MS = 1000;

export const way = signal(/** @type {Way} */ ("all"));
export const channel = signal("");
export const text = signal("");
export const path = signal("");
export const pathFault = signal(/** @type {import("./framepath.js").Fault | null} */ (null));
/** The comparisons of the path that is applied. */
export const comparisons = signal(/** @type {readonly import("./framepath.js").Comparison[]} */ ([]));
/** A path that leads to nothing in the newest frames, and some that lead to something. */
export const unknownPath = signal(/** @type {{path: string, fields: string[]} | null} */ (null));

/** Whether the view is in sight: else nothing is looked at. */
let isShown = false;
let timer = 0;
let drawnAt = 0;
let lookedAt = 0;
/** Whether the last look was not the end of it, so that the end is to be drawn. */
let wasBusy = false;

effect(() => {
  const { condition, fault, comparisons: parsed } = parseFilter(path.value);
  pathFault.value = fault;
  // A half-written path keeps the rows as they are.
  if (fault) return;
  comparisons.value = parsed;
  lookForFields();
  frameLog.setFilter(testOf(way.value, channel.value, text.value, condition));
  frameVersion.value = frameVersion.peek() + 1;
});

effect(() => {
  void frameVersion.value;
  if (isShown && !timer) scan();
});

/** @param {boolean} shown */
export function showRows(shown) {
  isShown = shown;
  if (shown && !timer) scan();
}

/** See whether each path leads to something. */
function lookForFields() {
  lookedAt = performance.now();
  const wanted = comparisons.peek();
  const texts = wanted.length ? sampleTexts(frameLog) : [];
  const contents = texts.map(frameContent);
  const unknown = contents.length
    ? wanted.find(({ steps }) => contents.every((content) => valuesAt(content, steps).length === 0)) : undefined;
  const fields = unknown ? likeliest(unknown.path, fieldsOf(texts)) : [];
  unknownPath.value = unknown && fields.length ? { path: unknown.path, fields } : null;
}

export function clearFilter() {
  way.value = "all";
  channel.value = "";
  text.value = "";
  path.value = "";
}

function scan() {
  timer = 0;
  const before = frameLog.count;
  const start = performance.now();
  if (comparisons.peek().length && start > lookedAt + LOOK_MS) lookForFields();
  const isDone = frameLog.scan(() => performance.now() >= start + SLICE_MS);
  if (!isDone && isShown) timer = setTimeout(scan);
  const isFound = isDone && (wasBusy || frameLog.count !== before);
  wasBusy = !isDone;
  if (!isFound && (isDone || start < drawnAt + DRAW_MS)) return;
  drawnAt = start;
  frameVersion.value = frameVersion.peek() + 1;
}

/**
 * @param {Way} direction @param {string} name @param {string} part
 * @param {import("./framepath.js").Condition | null} condition
 * @returns {import("./framelog.js").Test | null}
 */
export function testOf(direction, name, part, condition) {
  if (direction === "all" && !name && !part && !condition) return null;
  const quoted = `"${name}"`;
  const lower = part.toLowerCase();
  return (row) => {
    if (row.type === "gap") return !condition && !part && direction !== "sent" && direction !== "hand"
      && row.channels.includes(name);
    if (row.type !== "frame") return isWord(row, direction) && !name && !part && !condition;
    if (direction === "hand" ? !row.by_hand : direction !== "all" && row.direction !== direction) return false;
    if (name && !row.text.slice(0, 300).includes(quoted)) return false;
    if (lower && !row.text.toLowerCase().includes(lower)) return false;
    return !condition || matches(row.text, condition);
  };
}

/** @param {Row} row @param {Way} direction @returns {boolean} whether a row that is no frame belongs to a direction */
function isWord(row, direction) {
  const isByHand = row.type === "status" && row.kind.startsWith("hand_");
  return direction === "hand" ? isByHand : direction === "all";
}

/** @param {string} frame @param {import("./framepath.js").Condition} condition @returns {boolean} */
function matches(frame, condition) {
  const content = frameContent(frame);
  return content !== undefined && condition(content);
}
