"use strict";
// A user's program on tardis-dev, which sends no ids and takes any frame that is no channelMessage for an error.
//
//   node tardis_client.js URL [PRODUCT...]      the products default to BTC_JPY
//
// One JSON line an event: message, disconnect, error. Ends when it is killed. The environment may have TIMEOUT_MS, after
// which tardis-dev gives a silent connection up; its own is 10000.

const { report } = require("./reporting");

const [url, ...products] = process.argv.slice(2);
const symbols = products.length ? products : ["BTC_JPY"];
process.env.WSS_URL_BITFLYER = url; // tardis-dev's own switch; it is read at each connect

const { stream } = require("tardis-dev");

async function main() {
  const filters = ["lightning_board_snapshot", "lightning_board", "lightning_ticker", "lightning_executions"].map(
    (channel) => ({ channel, symbols }),
  );
  const messages = stream({
    exchange: "bitflyer",
    filters,
    withDisconnects: true,
    timeoutIntervalMS: Number(process.env.TIMEOUT_MS ?? 10000),
    onError: (error) => report("error", { text: String(error) }),
  });
  for await (const item of messages) {
    if (item === undefined) report("disconnect");
    else report("message", item.message.params);
  }
}

main();
