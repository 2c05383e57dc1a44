// Frames to try by hand, well-formed ones and many kinds of wrong ones.

const TICKER = "lightning_ticker_BTC_JPY";
const DEPTH = 500;

/** @param {string} method @param {unknown} params @param {number} [id] @returns {string} */
const call = (method, params, id) => JSON.stringify({ jsonrpc: "2.0", method, params, id });

const WRONG_AUTH = () => ({
  api_key: "not-a-key", timestamp: Date.now(), nonce: "0123456789abcdef", signature: "0".repeat(64),
});
const nested = "[".repeat(DEPTH) + "]".repeat(DEPTH);

/** @typedef {{key: import("./i18n.js").Key, text: () => string}} Example */

/** @type {Record<import("./messages.js").Dialect, Example[]>} */
export const EXAMPLES = {
  "json-rpc": [
    { key: "exSubscribe", text: () => call("subscribe", { channel: TICKER }, 1) },
    { key: "exUnsubscribe", text: () => call("unsubscribe", { channel: TICKER }, 2) },
    { key: "exNoId", text: () => call("subscribe", { channel: TICKER }) },
    { key: "exUnknownChannel", text: () => call("subscribe", { channel: "nope_channel" }, 3) },
    { key: "exUnknownProduct", text: () => call("subscribe", { channel: "lightning_ticker_NOPE" }, 4) },
    {
      key: "exBatch",
      text: () => `[${call("subscribe", { channel: TICKER }, 5)},${call("subscribe", { channel: "nope_channel" }, 6)}]`,
    },
    { key: "exEmptyBatch", text: () => "[]" },
    { key: "exBroken", text: () => '{"jsonrpc":"2.0","method":"subscribe","params":{"channel":' },
    { key: "exScalar", text: () => "7" },
    { key: "exUnknownMethod", text: () => call("nope", {}, 7) },
    { key: "exNoParams", text: () => '{"jsonrpc":"2.0","method":"subscribe","id":8}' },
    { key: "exWrongType", text: () => call("subscribe", { channel: 7 }, 9) },
    { key: "exNested", text: () => `{"jsonrpc":"2.0","method":"subscribe","params":${nested},"id":10}` },
    { key: "exPrivate", text: () => call("subscribe", { channel: "child_order_events" }, 11) },
    { key: "exAuth", text: () => call("auth", WRONG_AUTH(), 12) },
  ],
  socketio: [
    { key: "exSubscribe", text: () => `421["subscribe","${TICKER}"]` },
    { key: "exUnsubscribe", text: () => `422["unsubscribe","${TICKER}"]` },
    { key: "exNoId", text: () => `42["subscribe","${TICKER}"]` },
    { key: "exUnknownChannel", text: () => '423["subscribe","nope_channel"]' },
    { key: "exUnknownProduct", text: () => '424["subscribe","lightning_ticker_NOPE"]' },
    { key: "exPing", text: () => "2" },
    { key: "exProbe", text: () => "2probe" },
    { key: "exUnknownPacket", text: () => "9" },
    { key: "exBroken", text: () => '425["subscribe",' },
    { key: "exUnknownMethod", text: () => '426["nope",{}]' },
    { key: "exNoParams", text: () => '427["subscribe"]' },
    { key: "exWrongType", text: () => '428["subscribe",7]' },
    { key: "exNested", text: () => `429["subscribe",${nested}]` },
    { key: "exNamespace", text: () => "40/nope," },
    { key: "exPrivate", text: () => '4210["subscribe","child_order_events"]' },
    { key: "exAuth", text: () => `4211["auth",${JSON.stringify(WRONG_AUTH())}]` },
    { key: "exLeave", text: () => "41" },
    { key: "exClose", text: () => "1" },
  ],
};
