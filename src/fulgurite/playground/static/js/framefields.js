// The values in the text of a frame: its fields, and the matches of a filter.
import { fromMessage, leadsTo } from "./framepath.js";
import { summarise } from "./frametext.js";

/** @typedef {import("./framepath.js").Comparison} Comparison */
/** @typedef {import("./framepath.js").Steps} Steps */
/** @typedef {[from: number, to: number]} Span places in a text */

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g;
/** Limits for a long frame: the part that is looked at, and the marks in it. */
const LENGTH_LIMIT = 100_000;
const SPAN_LIMIT = 500;
/** Frames that are searched for fields: the newest, so many of each kind. */
const ROWS_ASKED = 2_000;
const FRAMES_OF_A_KIND = 3;
const FRAMES_ASKED = 60;
/** Fields that are shown where a path leads nowhere. */
const FIELDS_SHOWN = 8;

/**
 * Call `visit` for each value of a frame's text, with the place that leads to it.
 * @param {string} text
 * @param {(place: Steps, isList: boolean, token: string, span: Span) => void} visit the span begins with its name
 */
function eachValue(text, visit) {
  /** @type {{isList: boolean, key: string | number, at: number, isNamed: boolean}[]} */
  const stack = [];
  const start = text.search(/[[{]/);
  if (start < 0) return;
  TOKEN.lastIndex = start;
  for (let found = TOKEN.exec(text); found && found.index < LENGTH_LIMIT; found = TOKEN.exec(text)) {
    const [token] = found;
    const top = stack.at(-1);
    if (token === "]" || token === "}") {
      stack.pop();
    } else if (token === ",") {
      if (top?.isList) top.key = Number(top.key) + 1;
      else if (top) top.isNamed = false;
    } else if (top && !top.isList && !top.isNamed) {
      Object.assign(top, { key: unquoted(token), at: found.index, isNamed: true });
    } else if (token !== ":") {
      const isOpening = token === "[" || token === "{";
      const place = stack.map(({ key }) => key);
      const from = top && !top.isList ? top.at : found.index;
      if (top) visit(place, stack[0]?.isList ?? false, token, [from, found.index + (isOpening ? 0 : token.length)]);
      if (isOpening) stack.push({ isList: token === "[", key: token === "[" ? 0 : "", at: 0, isNamed: false });
    }
  }
}

/** @param {string} token @returns {string} */
const unquoted = (token) => {
  try {
    return String(JSON.parse(token));
  } catch {
    return token;
  }
};

/** @param {string} token @returns {unknown} */
const valueOf = (token) => {
  try {
    return JSON.parse(token);
  } catch {
    return token;
  }
};

/**
 * The matches of a filter in a text, to be marked: in order, and none twice.
 * @param {string} text @param {string} part a text to find @param {readonly Comparison[]} comparisons
 * @returns {Span[]}
 */
export function foundSpans(text, part, comparisons) {
  /** @type {Span[]} */
  const spans = [];
  const head = text.slice(0, LENGTH_LIMIT);
  if (part) for (const { index, 0: { length } } of head.matchAll(looseExpression(part))) spans.push([index, index + length]);
  if (comparisons.length) {
    eachValue(text, (place, isList, token, span) => {
      const isFound = comparisons.some(({ steps, test }) => leadsTo(place, isList, steps)
        && (test === null || (token !== "[" && token !== "{" && test(valueOf(token)))));
      if (isFound && span[1] > span[0]) spans.push(span);
    });
  }
  spans.sort(([one], [other]) => one - other);
  /** @type {Span[]} */
  const joined = [];
  for (const [from, to] of spans.slice(0, SPAN_LIMIT)) {
    const last = joined.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** A text as it may also stand in a frame that is set out, with spaces beside its brackets and commas.
 * @param {string} part @returns {RegExp} */
function looseExpression(part) {
  const escaped = part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(escaped.replace(/\\[[\]{}]|[:,]/g, "\\s*$&\\s*"), "gi");
}

/**
 * The fields that frames have, each as a path.
 * @param {readonly string[]} texts @returns {string[]}
 */
export function fieldsOf(texts) {
  const fields = new Set();
  for (const text of texts) {
    eachValue(text, (place, isList, token) => {
      if (token === "[" || token === "{") return;
      const steps = fromMessage(place, isList);
      fields.add(steps.map((step) => (typeof step === "number" ? "[*]" : `.${step}`)).join("").replace(/^\./, ""));
    });
  }
  return /** @type {string[]} */ ([...fields]).map((path) => (path.startsWith("[") ? `$${path}` : path));
}

/** The texts of a few of the newest frames of each kind. @param {import("./framelog.js").FrameLog} log */
export function sampleTexts({ ring }) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  const texts = [];
  for (let number = ring.next - 1; number >= Math.max(ring.first, ring.next - ROWS_ASKED); number -= 1) {
    const row = ring.get(number);
    if (row?.type !== "frame") continue;
    const { label } = summarise(row.text);
    const count = counts.get(label) ?? 0;
    if (count === FRAMES_OF_A_KIND) continue;
    counts.set(label, count + 1);
    if (texts.push(row.text.slice(0, LENGTH_LIMIT)) === FRAMES_ASKED) break;
  }
  return texts;
}

/**
 * The fields that are most like a path, the likest first: the same name elsewhere, then a name that holds it, then a name
 * with few letters changed; where there are none, the next name of any kind.
 * @param {string} path @param {string[]} fields
 */
export function likeliest(path, fields) {
  const wanted = lastName(path);
  const found = fields.map((field) => {
    const name = lastName(field);
    const distance = editDistance(wanted, name);
    const isPart = wanted.length > 1 && (name.includes(wanted) || (name.length > 2 && wanted.includes(name)));
    return { field, unlike: name === wanted ? 0 : isPart ? 1 : 1 + distance, way: editDistance(path, field) };
  }).sort((one, other) => one.unlike - other.unlike || one.way - other.way);
  const near = found.filter(({ unlike }) => unlike <= 1 + Math.max(1, wanted.length / 2));
  return (near.length ? near : found).slice(0, FIELDS_SHOWN).map(({ field }) => field);
}

/** @param {string} path */
const lastName = (path) => /([\w$-]+)(?:\[[\d*]*\])*$/.exec(path)?.[1]?.toLowerCase() ?? path;

/** @param {string} one @param {string} other @returns {number} letters to be changed, added or left out */
function editDistance(one, other) {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let line = 1; line <= one.length; line += 1) {
    const next = [line];
    for (let column = 1; column <= other.length; column += 1) {
      const change = (row[column - 1] ?? 0) + (one[line - 1] === other[column - 1] ? 0 : 1);
      next.push(Math.min(change, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
