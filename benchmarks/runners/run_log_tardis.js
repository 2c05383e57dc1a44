"use strict";
// tardis-dev's replayNormalized: node run_log_tardis.js LOG EXPECTED MODE. For the output see meter.py.
//
// It downloads files of a minute each, keeps them, and replays the kept ones. Before the clock starts, the frame log
// is written as the kept file of one minute, where tardis-dev looks for it; nothing is downloaded.

const fs = require("fs");
const path = require("path");
const zlib = require("zlib");
const tardis = require("tardis-dev");
const { version } = require("tardis-dev/package.json");
const { formatDateToPath, getFilters, optimizeFilters, sha256 } = require("tardis-dev/dist/handy");

const [log, expectedText, mode] = process.argv.slice(2);
const expected = JSON.parse(expectedText);
const cacheDir = `${log}.tardis`;
const [from, to] = ["2026-01-01T00:00:00.000Z", "2026-01-01T00:01:00.000Z"];
const normalizers = [tardis.normalizeBookChanges, tardis.normalizeTrades, tardis.normalizeBookTickers];
const symbols = ["BTC_JPY"];
// A port where nobody listens: an unexpected download fails.
tardis.init({ cacheDir, endpoint: "http://127.0.0.1:9" });

function convert() {
  const filters = optimizeFilters(getFilters(normalizers.map((each) => each("bitflyer", new Date(from))), symbols));
  const file = `${cacheDir}/feeds/bitflyer/${sha256(filters)}/${formatDateToPath(new Date(from))}.json.gz`;
  if (fs.existsSync(file)) return;
  const lines = fs.readFileSync(log, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
  // The others tell of the connection.
  const frames = lines.filter((line) => line.frame);
  const made = frames.map((line) => `2026-01-01T00:00:00.0000000Z ${line.frame}\n`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, zlib.gzipSync(made.join("")));
}

async function main() {
  convert();
  const book = mode === "book" ? new tardis.OrderBook() : null;
  const seen = { diffs: 0, tickers: 0, executions: 0, snapshots: 0 };
  const cpuBefore = process.cpuUsage();
  const began = process.hrtime.bigint();
  const messages = tardis.replayNormalized({ exchange: "bitflyer", symbols, from, to }, ...normalizers);
  for await (const message of messages) {
    if (message.type === "book_change") {
      if (book) book.update(message);
      seen[message.isSnapshot ? "snapshots" : "diffs"] += 1;
      if (seen.diffs === expected.diffs) break;
    } else if (message.type === "trade") {
      seen.executions += 1;
    } else if (message.type === "book_ticker") {
      seen.tickers += 1;
    }
  }
  const end = process.hrtime.bigint();
  const cpu = process.cpuUsage(cpuBefore);
  const result = {
    began_ns: Number(began),
    end_ns: Number(end),
    cpu_ns: (cpu.user + cpu.system) * 1000,
    counts: seen,
    best: book && [book.bestBid().price, book.bestAsk().price],
    versions: { "tardis-dev": version, "Node.js": process.versions.node },
  };
  process.stdout.write(JSON.stringify(result) + "\n", () => process.exit(0));
}

main();
