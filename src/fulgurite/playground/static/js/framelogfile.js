// The rows of the frames view as a frame log, in the project's format (src/fulgurite/protocol/framelog.py).

/** @typedef {import("./framelog.js").NewRow} NewRow */

/** Rows that are written between two looks at the clock. */
const SLICE_ROWS = 500;
const SLICE_MS = 30;

/** @param {number} ms @returns {string} nanoseconds; the page knows microseconds */
const nanoseconds = (ms) => `${Math.round(ms * 1000)}000`;

/** @param {string} frame @returns {string} without the key, where it asks for `auth` */
export function withoutCredentials(frame) {
  if (!frame.includes('"auth"')) return frame;
  const packet = /^42\d*\["auth",/.exec(frame);
  if (packet) return `${packet[0]}{}]`;
  try {
    const call = JSON.parse(frame);
    return call?.method === "auth" ? JSON.stringify({ ...call, params: {} }) : frame;
  } catch {
    return frame;
  }
}

/** Statuses that a replay knows; the others are the page's own. */
const STATUSES = new Set(["connecting", "open", "authenticated", "subscribed", "closed", "backing_off"]);

/** @param {NewRow} row @returns {string} its lines; "" where it has no place in a log */
export function logLines(row) {
  switch (row.type) {
    case "frame": {
      if (row.by_hand) return "";
      const sent = row.direction === "sent";
      const frame = JSON.stringify(sent ? withoutCredentials(row.text) : row.text);
      return `{"${sent ? "sent" : "received"}_ns":${nanoseconds(row.at_ms)},"frame":${frame}}\n`;
    }
    case "status": {
      const event = row.kind === "unreachable" || row.kind === "disconnected" ? "closed" : row.kind;
      if (!STATUSES.has(event)) return "";
      return `{"event":"${event}","at_ns":${nanoseconds(row.at_ms)},"detail":${JSON.stringify(row.detail)}`
        + `${row.code === null ? "" : `,"close_code":${row.code}`}`
        + `${row.words === null ? "" : `,"close_reason":${JSON.stringify(row.words)}`}}\n`;
    }
    case "gap": return row.gaps.map((gap) => `{"event":"gap","channel":${JSON.stringify(gap.channel)},`
      + `"reason":${JSON.stringify(gap.reason)},"from_ns":${nanoseconds(gap.from_ms)},`
      + `"to_ns":${nanoseconds(gap.to_ms)},"repaired":${JSON.stringify(gap.repaired)},`
      + `${gap.cause && gap.cause !== "interrupted" ? `"cause":${JSON.stringify(gap.cause)},` : ""}`
      + `"recovered":${gap.recovered}${gap.code === null ? "" : `,"close_code":${gap.code}`}}\n`).join("");
    default: return "";
  }
}

/**
 * @param {import("./framelog.js").FrameLog} log
 * @returns {Promise<{parts: Blob[], rows: number}>} its shown rows, a slice at a time
 */
export async function exportedLog(log) {
  const rows = log.slice(0, log.count);
  const parts = [];
  let count = 0;
  let until = performance.now() + SLICE_MS;
  for (let first = 0; first < rows.length; first += SLICE_ROWS) {
    const lines = rows.slice(first, first + SLICE_ROWS).map(logLines).filter(Boolean);
    count += lines.length;
    // Each is encoded here, and not all of them at the end.
    parts.push(new Blob([lines.join("")]));
    if (performance.now() < until) continue;
    await new Promise((resume) => setTimeout(resume));
    until = performance.now() + SLICE_MS;
  }
  return { parts, rows: count };
}

/** Have the browser save a file. @param {BlobPart[]} parts @param {string} name */
export function saveFile(parts, name) {
  const url = URL.createObjectURL(new Blob(parts, { type: "application/jsonl" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @param {string} what @param {string} source its origin @param {number} ms @param {string} [ending]
 * @returns {string} a name with its contents, sorted by time */
export function fileName(what, source, ms, ending = "jsonl") {
  const time = new Date(ms).toISOString().slice(0, 19).replaceAll(":", "").replace("T", "-");
  const word = source.replace(/[^A-Za-z0-9.]+/g, "-").slice(0, 60);
  return `fulgurite-${what}-${word}-${time}.${ending}`;
}
