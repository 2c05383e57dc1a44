// A frame as code: one that was sent as a program that sends it, one that was received as a value to try a parser on.

/** @typedef {"raw" | "pretty" | "python" | "javascript" | "shell"} CodeForm */

export const CODE_FORMS = /** @type {const} */ (["raw", "pretty", "python", "javascript", "shell"]);

/** @param {string} text @returns {string} for a POSIX shell */
const shellQuoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A string that Python and JavaScript both read. @param {string} text @returns {string} */
const quoted = (text) => JSON.stringify(text);

/** @param {string} text @param {string} url @returns {string} */
const pythonSending = (text, url) => `# pip install websockets
from websockets.sync.client import connect

with connect(${quoted(url)}) as connection:
    connection.send(${quoted(text)})
    for frame in connection:
        print(frame)
`;

/** @param {string} text @returns {string} */
const pythonValue = (text) => `import json

frame = ${quoted(text)}
content = json.loads(frame${jsonStart(text) ? `[${jsonStart(text)}:]` : ""})
`;

/** @param {string} text @param {string} url @returns {string} */
const scriptSending = (text, url) => `const socket = new WebSocket(${quoted(url)});
socket.onopen = () => socket.send(${quoted(text)});
socket.onmessage = ({ data }) => console.log(data);
`;

/** @param {string} text @returns {string} */
const scriptValue = (text) => `const frame = ${quoted(text)};
const content = JSON.parse(frame${jsonStart(text) ? `.slice(${jsonStart(text)})` : ""});
`;

/** @param {string} text @returns {number} where a frame's JSON begins, after Socket.IO's digits */
const jsonStart = (text) => Math.max(0, text.search(/[[{]/));

/**
 * @param {Exclude<CodeForm, "raw" | "pretty">} form
 * @param {string} text the frame
 * @param {string} url where it was sent; "" for one that was received
 * @returns {string}
 */
export function asCode(form, text, url) {
  switch (form) {
    case "python": return url ? pythonSending(text, url) : pythonValue(text);
    case "javascript": return url ? scriptSending(text, url) : scriptValue(text);
    case "shell": return url
      ? `printf '%s\\n' ${shellQuoted(text)} | websocat --no-close ${shellQuoted(url)}\n`
      : `printf '%s' ${shellQuoted(text.slice(jsonStart(text)))} | jq .\n`;
  }
}

/**
 * The WebSocket of a dialect, from any address of the service.
 * @param {string} address
 * @param {import("./messages.js").Dialect} dialect
 * @returns {string}
 */
export function socketUrl(address, dialect) {
  const url = address.replace(/^http/, "ws");
  if (dialect === "json-rpc") {
    return /^wss?:\/\/[^/]+\/?$/.test(url) ? `${url.replace(/\/$/, "")}/json-rpc` : url;
  }
  const host = url.replace("//ws.lightstream.bitflyer.com", "//io.lightstream.bitflyer.com");
  return `${host.replace(/^(wss?:\/\/[^/]+).*$/, "$1")}/socket.io/?EIO=3&transport=websocket`;
}
