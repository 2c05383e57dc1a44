"use strict";
// Shared by the Node clients here: their output, and the credentials that they may be given.

const crypto = require("crypto");

/** Prints one event as one line of JSON. */
function report(event, data = {}) {
  process.stdout.write(JSON.stringify({ event, ...data }) + "\n");
}

/** The first line of standard input as `{"key": ..., "secret": ...}`, or null where it is empty or closed. */
async function credentials() {
  if (process.stdin.isTTY) return null;
  let line = "";
  for await (const chunk of process.stdin) {
    line += chunk;
    if (line.includes("\n")) break;
  }
  return line.trim() ? JSON.parse(line) : null;
}

/** Parameters of `auth`, signed as bitFlyer's documentation says. */
function signed({ key, secret }) {
  const timestamp = Date.now();
  const nonce = crypto.randomBytes(16).toString("hex");
  const signature = crypto.createHmac("sha256", secret).update(`${timestamp}${nonce}`).digest("hex");
  return { api_key: key, timestamp, nonce, signature };
}

module.exports = { report, credentials, signed };
