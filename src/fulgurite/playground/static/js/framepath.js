// A small language for the contents of a frame: `message.ltp > 100`, `$.params.channel ~ ticker and method = subscribe`.
// docs/playground.md describes it.

/** @typedef {{error: "pathEnd" | "pathName" | "pathClose" | "pathValue" | "pathRest", at: number, near: string}} Fault */
/** @typedef {(root: unknown) => boolean} Condition */
/** @typedef {(string | number)[]} Steps */
/** @typedef {{path: string, steps: Steps, test: ((value: unknown) => boolean) | null}} Comparison a path, and a test
 *    of its value; null where it only has to be there */

const TOKEN = /\s*(?:(and|or|&&|\|\|)(?![\w.])|(==|!=|<=|>=|=|<|>|~)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([$\w.*[\]-]+(?<!\.))|(\S))/giy;
const STEP = /\.?([A-Za-z_$][\w$-]*|\*)|\[(\d+|\*)\]|(.)/gy;
const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;
const LENGTH_LIMIT = 500;

/** @typedef {{kind: "join" | "operator" | "quoted" | "word" | "odd", text: string, at: number}} Token */

/**
 * @param {string} text
 * @returns {{condition: Condition | null, fault: Fault | null, comparisons: Comparison[]}} no condition where there is
 *   nothing to be fulfilled
 */
export function parseFilter(text) {
  /** @type {Comparison[]} */
  const comparisons = [];
  if (!text.trim()) return { condition: null, fault: null, comparisons };
  const tokens = tokenise(text.slice(0, LENGTH_LIMIT));
  let next = 0;
  /** @param {Fault["error"]} error @returns {never} */
  const fail = (error) => {
    const token = tokens[next];
    throw /** @type {Fault} */ ({ error, at: token?.at ?? text.length, near: token?.text ?? "" });
  };

  /** @param {string[]} words @param {() => Condition} part @param {boolean} isAll @returns {Condition} */
  const joined = (words, part, isAll) => {
    const parts = [part()];
    while (tokens[next]?.kind === "join" && words.includes(tokens[next]?.text.toLowerCase() ?? "")) {
      next += 1;
      parts.push(part());
    }
    if (parts.length === 1) return /** @type {Condition} */ (parts[0]);
    return isAll ? (root) => parts.every((test) => test(root)) : (root) => parts.some((test) => test(root));
  };
  const either = () => joined(["or", "||"], () => joined(["and", "&&"], comparison, true), false);

  /** @returns {Condition} */
  const comparison = () => {
    const token = tokens[next];
    if (!token) return fail("pathEnd");
    if (token.kind !== "word") return fail("pathName");
    const steps = parseSteps(token.text);
    if (!steps) return fail("pathClose");
    next += 1;
    if (tokens[next]?.kind !== "operator") {
      comparisons.push({ path: token.text, steps, test: null });
      return (root) => valuesAt(root, steps).length > 0;
    }
    const operator = tokens[next++]?.text ?? "";
    const value = tokens[next];
    if (!value || (value.kind !== "word" && value.kind !== "quoted")) return fail("pathValue");
    next += 1;
    const compare = comparing(operator, value);
    comparisons.push({ path: token.text, steps, test: compare });
    return (root) => valuesAt(root, steps).some(compare);
  };

  try {
    const condition = either();
    if (next < tokens.length) fail("pathRest");
    return { condition, fault: null, comparisons };
  } catch (fault) {
    if (fault instanceof Error) throw fault;
    return { condition: null, fault: /** @type {Fault} */ (fault), comparisons: [] };
  }
}

/** @param {string} text @returns {Token[]} */
function tokenise(text) {
  /** @type {Token[]} */
  const tokens = [];
  TOKEN.lastIndex = 0;
  for (let found = TOKEN.exec(text); found; found = TOKEN.exec(text)) {
    const [, join, operator, quoted, word, odd] = found;
    const kind = join ? "join" : operator ? "operator" : quoted ? "quoted" : word ? "word" : "odd";
    const part = join ?? operator ?? quoted ?? word ?? odd ?? "";
    tokens.push({ kind, text: part, at: TOKEN.lastIndex - part.length });
  }
  return tokens;
}

/** @param {string} path @returns {Steps | null} */
function parseSteps(path) {
  const steps = [];
  STEP.lastIndex = 0;
  for (let found = STEP.exec(path); found; found = STEP.exec(path)) {
    const [, name, index, odd] = found;
    if (odd) return null;
    if (name) steps.push(name);
    else if (index) steps.push(/^\d/.test(index) ? Number(index) : index);
  }
  return steps;
}

/** @param {string} operator @param {Token} token @returns {(value: unknown) => boolean} */
function comparing(operator, { kind, text }) {
  const wanted = kind === "quoted" ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text;
  if (operator === "~") {
    const part = wanted.toLowerCase();
    return (value) => typeof value !== "object" && String(value).toLowerCase().includes(part);
  }
  const isNumber = kind === "word" && NUMBER.test(wanted);
  const number = Number(wanted);
  const lower = wanted.toLowerCase();
  // 100, 100.0 and "100.0" are equal, as are buy and BUY; a text in quotes is taken as it stands.
  /** @param {unknown} value */
  const isSame = (value) => {
    const text = scalar(value);
    if (text === null) return false;
    return text === wanted || (kind === "word" && text.toLowerCase() === lower)
      || (NUMBER.test(text) && NUMBER.test(wanted) && Number(text) === number);
  };
  if (operator === "=" || operator === "==") return isSame;
  if (operator === "!=") return (value) => !isSame(value);
  return (value) => {
    if (isNumber ? typeof value !== "number" : typeof value !== "string") return false;
    const [one, other] = isNumber ? [/** @type {number} */ (value), number] : [String(value), wanted];
    switch (operator) {
      case "<": return one < other;
      case "<=": return one <= other;
      case ">": return one > other;
      default: return one >= other;
    }
  };
}

/** @param {unknown} value @returns {string | null} as one would write it; null for a value with parts */
const scalar = (value) => (value !== null && typeof value === "object" ? null : String(value));

/**
 * All values that a path leads to. One that begins with a name of its own is looked for everywhere in the frame.
 * @param {unknown} root @param {Steps} steps @returns {unknown[]}
 */
export function valuesAt(root, steps) {
  const [first] = steps;
  if (first === "$") return followed([root], steps.slice(1));
  // The channel's message and its name, wherever the dialect has them.
  if (first === "message" || first === "channel") return followed(messagePart(root, first), steps.slice(1));
  return followed(partsOf(root), steps);
}

/** @param {unknown[]} values @param {Steps} steps @returns {unknown[]} */
function followed(values, steps) {
  for (const step of steps) {
    values = values.flatMap((value) => {
      if (value === null || typeof value !== "object") return [];
      if (step === "*") return Object.values(value);
      return Object.hasOwn(value, step) ? [/** @type {Record<string, unknown>} */ (value)[step]] : [];
    });
  }
  return values;
}

/** @param {unknown} root @returns {unknown[]} it and all in it that has parts */
function partsOf(root) {
  const parts = [];
  const waiting = [root];
  while (waiting.length) {
    const value = waiting.pop();
    if (value === null || typeof value !== "object") continue;
    parts.push(value);
    for (const part of Object.values(value)) waiting.push(part);
  }
  return parts;
}

/**
 * Whether a place in a frame is one that a path leads to, as `valuesAt` has it.
 * @param {Steps} place from the root @param {boolean} isList whether the root is a list @param {Steps} steps
 */
export function leadsTo(place, isList, steps) {
  const [first] = steps;
  if (first === "$") return isAlike(place, steps.slice(1));
  if (first === "message" || first === "channel") return isAlike(fromMessage(place, isList), steps);
  return isAlike(place.slice(-steps.length), steps);
}

/** @param {Steps} place @param {Steps} steps */
const isAlike = (place, steps) => place.length === steps.length
  && steps.every((step, index) => step === "*" || String(step) === String(place[index]));

/** @param {Steps} place @param {boolean} isList @returns {Steps} the place as one writes it in either dialect */
export function fromMessage(place, isList) {
  if (isList) return place[0] === 1 ? ["message", ...place.slice(1)] : place[0] === 0 ? ["channel", ...place.slice(1)] : place;
  return place[0] === "params" && (place[1] === "message" || place[1] === "channel") ? place.slice(1) : place;
}

/** @param {unknown} root @param {"message" | "channel"} part @returns {unknown[]} */
function messagePart(root, part) {
  if (Array.isArray(root)) return root.length > 1 ? [root[part === "channel" ? 0 : 1]] : [];
  const params = root !== null && typeof root === "object" ? /** @type {{params?: unknown}} */ (root).params : null;
  if (params === null || typeof params !== "object" || !Object.hasOwn(params, part)) return [];
  return [/** @type {Record<string, unknown>} */ (params)[part]];
}

/** @param {string} text a frame of either dialect @returns {unknown} its content; undefined where that is no JSON */
export function frameContent(text) {
  try {
    return JSON.parse(text.replace(/^\d{1,20}(?=[[{])/, ""));
  } catch {
    return undefined;
  }
}
