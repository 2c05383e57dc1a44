"use strict";
// Socket.IO as its users run it: a room, and `emit` to it. What it is given and prints is told in run_fanout.py.

const fs = require("fs");
const http = require("http");
const https = require("https");
const readline = require("readline");
const { Server } = require("socket.io");
const { version } = require("socket.io/package.json");

const settings = JSON.parse(process.argv[2]);
const message = JSON.parse(settings.message);
const HIGH_WATER = 64 * 1024;

const pem = settings.certificate && fs.readFileSync(settings.certificate);
const listener = pem ? https.createServer({ key: pem, cert: pem }) : http.createServer();
// allowEIO3 lets clients of Socket.IO 2 in, which is what bitFlyer's clients are.
const io = new Server(listener, { allowEIO3: true, transports: ["websocket"], pingInterval: 600000, pingTimeout: 600000 });
io.on("connection", (socket) => {
  socket.on("subscribe", (channel, answer) => {
    socket.join(channel);
    answer(null);
  });
});

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const tick = () => new Promise((resolve) => setImmediate(resolve));
const waits = (socket) =>
  socket.conn.writeBuffer.length > 0 || socket.conn.transport.socket.bufferedAmount > HIGH_WATER;

async function publish() {
  const sockets = [...io.sockets.sockets.values()];
  for (let done = 0; done < settings.count; done += settings.burst) {
    const burst = Math.min(settings.burst, settings.count - done);
    for (let each = 0; each < burst; each += 1) io.to(settings.channel).emit(settings.channel, message);
    await tick();
    while (sockets.some(waits)) await pause(1);
  }
}

listener.listen(0, "127.0.0.1", async () => {
  const text = `42${JSON.stringify([settings.channel, message])}`;
  console.log(JSON.stringify({ port: listener.address().port, bytes: 4 + Buffer.byteLength(text) }));
  await lines.next();
  const began = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  await publish();
  await lines.next();
  const { user, system } = process.cpuUsage(cpu);
  const versions = { "socket.io": version, "Node.js": process.versions.node };
  console.log(JSON.stringify({ began_ns: Number(began), cpu_ns: (user + system) * 1000, versions }));
  process.exit(0);
});
