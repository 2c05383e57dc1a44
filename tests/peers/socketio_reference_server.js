"use strict";
// Socket.IO 4 with allowEIO3, which bitFlyer's Socket.IO server appears to be, as a reference for our own server.
//
//   node socketio_reference_server.js [PING_INTERVAL_MS]      prints {"port": N}; ends when standard input closes
//
// Where the real service is unknown, the methods answer as src/fulgurite/protocol/choices.py says.
// `publish(channel, message)`, which the real service lacks, sends the message to all subscribers.
// Any `auth` with the key "key" succeeds.

const http = require("http");
const { Server } = require("socket.io");

const CHANNELS = /^(lightning_(board_snapshot|board|ticker|executions)_.+|(child|parent)_order_events)$/s;
const PRIVATE = /^(child|parent)_order_events$/;

const listener = http.createServer();
const server = new Server(listener, {
  allowEIO3: true,
  transports: ["websocket"],
  pingInterval: Number(process.argv[2] ?? 15000),
  pingTimeout: 3000,
  // Engine.IO 4 is refused, with the words that engine.io has for a version that it does not speak.
  allowRequest: ({ _query }, answer) =>
    _query.EIO === "4" ? answer("Unsupported protocol version", false) : answer(null, true),
});

server.on("connection", (socket) => {
  let authenticated = false;

  // The callback, which comes last, is optional; the real service's argument for an error is not known.
  const method = (name, answer) =>
    socket.on(name, (...given) => {
      const callback = typeof given.at(-1) === "function" ? given.pop() : () => {};
      callback(answer(given[0]));
    });
  const refusal = (channel) => {
    if (typeof channel !== "string") return { code: -32602, message: "Invalid params" };
    if (!CHANNELS.test(channel)) return { code: -32602, message: "invalid channel" };
    if (PRIVATE.test(channel) && !authenticated) return { code: -32007, message: "authentication required" };
    return null;
  };

  method("auth", (parameters) => {
    if (authenticated) return { code: -32009, message: "already authenticated" };
    if (parameters == null) return { code: -32602, message: "Invalid params" };
    if (parameters.api_key !== "key") return { code: -32008, message: "authentication failed" };
    authenticated = true;
    return null;
  });
  method("subscribe", (channel) => {
    const refused = refusal(channel);
    if (refused) return refused;
    if (socket.rooms.has(channel)) return { code: -32009, message: "already subscribed" };
    socket.join(channel);
    return null;
  });
  method("unsubscribe", (channel) => {
    const refused = refusal(channel);
    if (!refused) socket.leave(channel);
    return refused;
  });
  socket.on("publish", (channel, message) => server.to(channel).emit(channel, message));
});

listener.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: listener.address().port })));
process.stdin.on("end", () => process.exit()).resume();
