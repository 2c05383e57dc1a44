"use strict";
// tardis-dev as its users run it: streamNormalized, and its OrderBook kept from the changes. With a third argument,
// "messages", without the book. For its input and output see meter.py.

const [url, expectedText, mode] = process.argv.slice(2);
process.env.WSS_URL_BITFLYER = url; // tardis-dev's own switch
const expected = JSON.parse(expectedText);
const tardis = require("tardis-dev");
const { version } = require("tardis-dev/package.json");

async function main() {
  const book = mode === "messages" ? null : new tardis.OrderBook();
  const seen = { diffs: 0, tickers: 0, executions: 0, snapshots: 0 };
  let readyCpu;
  const stream = tardis.streamNormalized(
    { exchange: "bitflyer", symbols: ["BTC_JPY"], onError: (error) => process.stderr.write(`${error}\n`) },
    tardis.normalizeBookChanges,
    tardis.normalizeTrades,
    tardis.normalizeBookTickers,
  );
  for await (const message of stream) {
    if (message.type === "book_change") {
      if (book) book.update(message);
      if (message.isSnapshot) {
        seen.snapshots += 1;
        if (seen.snapshots === 1) {
          process.stdout.write("ready\n");
          readyCpu = process.cpuUsage();
        }
        continue;
      }
      seen.diffs += 1;
      if (seen.diffs === expected.diffs) {
        const end = process.hrtime.bigint();
        const cpu = process.cpuUsage(readyCpu);
        const result = {
          end_ns: Number(end),
          cpu_ns: (cpu.user + cpu.system) * 1000,
          counts: seen,
          best: book && [book.bestBid().price, book.bestAsk().price],
          handled_ns: [],
          versions: { "tardis-dev": version, "Node.js": process.versions.node },
        };
        process.stdout.write(JSON.stringify(result) + "\n", () => process.exit(0));
        return;
      }
    } else if (message.type === "trade") {
      seen.executions += 1;
    } else if (message.type === "book_ticker") {
      seen.tickers += 1;
    }
  }
}

main();
