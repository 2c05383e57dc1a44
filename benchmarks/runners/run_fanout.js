"use strict";
// Two servers for Node.js: node run_fanout.js SERVER SETTINGS; what they are given and print is told in run_fanout.py.
//
// "socket.io", as its users run it: a room, and `emit` to it. "ws", as tardis-machine sends: the text of each message
// to each client by a `send` of its own. tardis-machine, moreover, has a connection upstream for each client, which
// brings it the message; here it is there already.

const fs = require("fs");
const http = require("http");
const https = require("https");
const path = require("path");
const readline = require("readline");

const server = process.argv[2];
const settings = JSON.parse(process.argv[3]);
const message = JSON.parse(settings.message);
const HIGH_WATER = 64 * 1024;

const pem = settings.certificate && fs.readFileSync(settings.certificate);
const listener = pem ? https.createServer({ key: pem, cert: pem }) : http.createServer();
const [channel] = settings.channels;

function socketio() {
  const { Server } = require("socket.io");
  // allowEIO3 lets clients of Socket.IO 2 in, which is what bitFlyer's clients are.
  const options = { allowEIO3: true, transports: ["websocket"], pingInterval: 600000, pingTimeout: 600000 };
  const io = new Server(listener, options);
  io.on("connection", (socket) => {
    socket.on("subscribe", (wanted, answer) => {
      socket.join(wanted);
      answer(null);
    });
  });
  return {
    text: `42${JSON.stringify([channel, message])}`,
    clients: () => [...io.sockets.sockets.values()],
    send: () => io.to(channel).emit(channel, message),
    waits: ({ conn }) => conn.writeBuffer.length > 0 || conn.transport.socket.bufferedAmount > HIGH_WATER,
    versions: { "socket.io": require("socket.io/package.json").version },
  };
}

function ws() {
  const home = { paths: [path.dirname(require.resolve("tardis-dev"))] }; // the version that tardis-dev has
  const { Server } = require(require.resolve("ws", home));
  const { clients } = new Server({ server: listener, perMessageDeflate: false });
  return {
    text: settings.text,
    clients: () => [...clients],
    send: () => clients.forEach((client) => client.send(settings.text)),
    waits: (client) => client.bufferedAmount > HIGH_WATER,
    versions: { ws: require(require.resolve("ws/package.json", home)).version },
  };
}

const { text, clients, send, waits, versions } = server === "ws" ? ws() : socketio();
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const tick = () => new Promise((resolve) => setImmediate(resolve));

async function publish() {
  const connected = clients();
  for (let done = 0; done < settings.count; done += settings.burst) {
    const burst = Math.min(settings.burst, settings.count - done);
    for (let each = 0; each < burst; each += 1) send();
    await tick();
    while (connected.some(waits)) await pause(1);
  }
}

listener.listen(0, "127.0.0.1", async () => {
  console.log(JSON.stringify({ port: listener.address().port, bytes: 4 + Buffer.byteLength(text) }));
  await lines.next();
  const began = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  await publish();
  await lines.next();
  const { user, system } = process.cpuUsage(cpu);
  const found = { ...versions, "Node.js": process.versions.node };
  console.log(JSON.stringify({ began_ns: Number(began), cpu_ns: (user + system) * 1000, versions: found }));
  process.exit(0);
});
