// The text of frames: the label of a row, and the layout for reading. Numbers stay as they came
// (5860832.0, not 5860832), so nothing here goes through JSON.parse.

/** @typedef {{label: string, start: number}} Summary a label, and the beginning of the rest in the text */

const CHANNEL_MESSAGE = /"channel"\s*:\s*"([^"]*)"\s*,\s*"message"\s*:\s*/;
const METHOD = /"method"\s*:\s*"([^"]*)"/;
const EVENT = /^42\d*\["([^"]*)",?/;
const REQUESTS = new Set(["subscribe", "unsubscribe", "auth"]);
const ENGINE_WORDS = /** @type {Record<string, string>} */ ({
  "2": "ping", "3": "pong", "40": "connect", "41": "disconnect",
});

/** A label and the rest, so that a row shows the differences. @param {string} text @returns {Summary} */
export function summarise(text) {
  const head = text.slice(0, 300);
  const message = CHANNEL_MESSAGE.exec(head);
  if (message) return { label: message[1] ?? "", start: message.index + message[0].length };
  const [start, name] = EVENT.exec(head) ?? ["", ""];
  if (start && !REQUESTS.has(name ?? "")) return { label: name ?? "", start: start.length };
  return { label: name || otherLabel(head), start: 0 };
}

/** @param {string} head @returns {string} */
function otherLabel(head) {
  const word = ENGINE_WORDS[head];
  if (word) return word;
  if (/^0\{/.test(head)) return "open";
  if (/^43\d*\[/.test(head)) return "ack";
  if (/"error"\s*:/.test(head)) return "error";
  if (/"result"\s*:/.test(head)) return "result";
  return METHOD.exec(head)?.[1] ?? "";
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g;
const LINE_WIDTH = 56;

/**
 * The frame over several lines, its Socket.IO prefix on one of its own; unchanged if it is no JSON.
 * @param {string} text
 * @returns {string}
 */
export function prettyPrint(text) {
  const start = text.search(/[[{]/);
  if (start < 0 || !/^\d*$/.test(text.slice(0, start))) return text;
  const tokens = text.slice(start).match(TOKEN) ?? [];
  let next = 0;

  /** @param {number} depth @returns {string} */
  function value(depth) {
    const token = tokens[next++];
    if (token === undefined) throw new SyntaxError("the text ends too early");
    if (token !== "{" && token !== "[") return token;
    const close = token === "{" ? "}" : "]";
    const parts = [];
    while (tokens[next] !== close) {
      if (parts.length && tokens[next++] !== ",") throw new SyntaxError("a comma is missing");
      let part = value(depth + 1);
      if (token === "{") {
        if (tokens[next++] !== ":") throw new SyntaxError("a colon is missing");
        part += `: ${value(depth + 1)}`;
      }
      parts.push(part);
    }
    next += 1;
    return join(token, parts, close, depth);
  }

  try {
    const body = value(0);
    if (next < tokens.length) return text;
    return start ? `${text.slice(0, start)}\n${body}` : body;
  } catch {
    return text;
  }
}

/** @param {string} open @param {string[]} parts @param {string} close @param {number} depth @returns {string} */
function join(open, parts, close, depth) {
  const space = open === "{" && parts.length ? " " : "";
  const line = `${open}${space}${parts.join(", ")}${space}${close}`;
  if (line.length + depth * 2 <= LINE_WIDTH && !line.includes("\n")) return line;
  const indent = "  ".repeat(depth + 1);
  return `${open}\n${indent}${parts.join(`,\n${indent}`)}\n${"  ".repeat(depth)}${close}`;
}
