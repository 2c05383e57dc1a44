"use strict";
// A user's program in the manner of bitFlyer's own JavaScript sample, on jsonrpc2-ws.
//
//   node jsonrpc_client.js URL CHANNEL...       credentials, if any, as {"key": ..., "secret": ...} on standard input
//
// One JSON line an event: connect, auth, subscribe, message, disconnect, error. Ends when it is killed.

const { Client } = require("jsonrpc2-ws");
const { report, credentials, signed } = require("./reporting");

async function main([url, ...channels]) {
  const keys = await credentials();
  const client = new Client(url, { protocols: undefined });

  async function call(method, params, shown) {
    try {
      report(method, { ...shown, result: await client.call(method, params) });
    } catch (error) {
      report(method, { ...shown, error: error instanceof Error ? String(error) : error });
    }
  }

  client.on("connected", async () => {
    report("connect");
    if (keys) await call("auth", signed(keys), {});
    for (const channel of channels) await call("subscribe", { channel }, { channel });
  });
  client.methods.set("channelMessage", (socket, notification) => report("message", notification));
  client.on("disconnect", (code, reason) => report("disconnect", { code, reason: String(reason) }));
  client.on("error", (error) => report("error", { text: error.message }));
}

main(process.argv.slice(2));
