"use strict";
// The library that bitFlyer's JSON-RPC server appears to run on, as a reference for our own server's every answer.
//
//   node jsonrpc_reference_server.js [PING_INTERVAL_MS]       prints {"port": N}; ends when standard input closes
//
// The methods answer as the real service was seen to, and where that is unknown as src/fulgurite/protocol/choices.py
// says. `publish {channel, message}`, which the real one lacks, sends a channelMessage to all subscribers. Any
// `auth` with the key "key" succeeds.

const { Server } = require("jsonrpc2-ws");
const { createError } = require("jsonrpc2-ws/lib/common");

const LOOSE = 1; // VERSION_CHECK_MODE: the member `jsonrpc` may be absent, as with the real service
const CHANNELS = /^(lightning_(board_snapshot|board|ticker|executions)_.+|(child|parent)_order_events)$/s;
const PRIVATE = /^(child|parent)_order_events$/;

const server = new Server({
  wss: { port: 0, host: "127.0.0.1", path: "/json-rpc" },
  pingInterval: Number(process.argv[2] ?? 15000),
  pingTimeout: 3000,
  jsonrpcVersionCheck: LOOSE,
});

function channelOf(socket, params) {
  if (typeof params?.channel !== "string") throw createError(-32602);
  if (!CHANNELS.test(params.channel)) throw createError(-32602, "invalid channel");
  if (PRIVATE.test(params.channel) && !socket.data.get("authenticated"))
    throw createError(-32007, "authentication required");
  return params.channel;
}

server.methods.set("auth", (socket, params) => {
  if (socket.data.get("authenticated")) throw createError(-32009, "already authenticated");
  if (params === undefined) throw createError(-32602);
  if (params.api_key !== "key") throw createError(-32008, "authentication failed");
  socket.data.set("authenticated", true);
  return true;
});
server.methods.set("subscribe", (socket, params) => {
  const channel = channelOf(socket, params);
  if (!socket.joinTo(channel)) throw createError(-32009, "already subscribed");
  return true;
});
server.methods.set("unsubscribe", (socket, params) => {
  socket.leaveFrom(channelOf(socket, params));
  return true;
});
server.methods.set("publish", (socket, { channel, message }) => {
  server.notifyTo(channel, "channelMessage", { channel, message });
  return true;
});

server.on("listening", () => console.log(JSON.stringify({ port: server.wss.address().port })));
process.stdin.on("end", () => process.exit()).resume();
