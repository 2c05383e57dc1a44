"use strict";
// A user's program on socket.io-client 2, the library that bitFlyer's documentation names.
//
//   node socketio_client.js URL CHANNEL...      credentials, if any, as {"key": ..., "secret": ...} on standard input
//
// One JSON line an event: connect, auth, subscribe, message, pong, disconnect, error. Ends when it is killed.

const io = require("socket.io-client");
const { report, credentials, signed } = require("./reporting");

async function main([url, ...channels]) {
  const keys = await credentials();
  const socket = io(url, { transports: ["websocket"] });

  socket.on("connect", () => {
    report("connect");
    const subscribe = () =>
      channels.forEach((channel) =>
        socket.emit("subscribe", channel, (error) => report("subscribe", { channel, error })),
      );
    if (!keys) return subscribe();
    socket.emit("auth", signed(keys), (error) => {
      report("auth", { error });
      subscribe();
    });
  });
  for (const channel of channels) socket.on(channel, (message) => report("message", { channel, message }));
  socket.on("pong", () => report("pong")); // the answer to the heartbeat that this client sends
  socket.on("disconnect", (reason) => report("disconnect", { reason }));
  for (const event of ["connect_error", "error"]) socket.on(event, (error) => report("error", { text: String(error) }));
}

main(process.argv.slice(2));
