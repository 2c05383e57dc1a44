// Messages for the tests of the page's modules.

export const TICKER = "lightning_ticker_BTC_JPY";
export const RPC = `{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"${TICKER}","message":`
  + '{"product_code":"BTC_JPY","timestamp":"2026-01-01T00:00:01.5Z","ltp":105.0,"bids":[{"price":1.0,"size":3.0}]}}}';
export const SOCKETIO = `42["${TICKER}",{"product_code":"BTC_JPY","ltp":105.0,"bids":[{"price":1.0,"size":3.0}]}]`;

/** @typedef {import("../../../src/fulgurite/playground/static/js/messages.js").Frame} Frame */

/** @param {string} text @param {Partial<Frame>} [more] @returns {Frame} */
export const frame = (text, more = {}) => (
  { type: "frame", direction: "received", at_ms: 0, text, size: text.length, by_hand: false, ...more });
