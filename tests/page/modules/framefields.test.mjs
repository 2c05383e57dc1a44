import { deepEqual, equal, ok } from "node:assert/strict";
import test from "node:test";
import { fieldsOf, foundSpans, likeliest } from "../../../src/fulgurite/playground/static/js/framefields.js";
import { RPC, SOCKETIO } from "./building.mjs";

test("text is marked wherever it stands, set out or not", () => {
  const text = '{"side": "BUY", "price": 100.0, "note": "buy (1.5)"}';
  const parts = ["buy", '"side":"BUY","price"', "(1.5)", "nothing"];
  deepEqual(parts.map((part) => foundSpans(text, part, []).map(([from, to]) => text.slice(from, to))), [
    ["BUY", "buy"], ['"side": "BUY", "price"'], ["(1.5)"], [],
  ]);
});

test("the fields of frames are written as in a path", () => {
  const fields = fieldsOf([RPC.replace('"ltp"', '"best_bid":1,"ltp"'), "3", "no JSON", '{"a":']);
  deepEqual(fields, [
    "jsonrpc", "method", "channel", "message.product_code", "message.timestamp", "message.best_bid", "message.ltp",
    "message.bids[*].price", "message.bids[*].size",
  ]);
  equal(likeliest("message.best_bit", fields)[0], "message.best_bid");
  deepEqual(fieldsOf([SOCKETIO, '421["subscribe","x"]', "[[[["]), [
    "channel", "message.product_code", "message.ltp", "message.bids[*].price", "message.bids[*].size", "message",
  ]);
});

test("the fields most like a path come first", () => {
  const fields = [
    "jsonrpc", "id", "method", "channel", "message.product_code", "message.state", "message.best_bid",
    "message.best_ask", "message.total_bid_depth", "message.ltp", "message.bids[*].price", "message.bids[*].size",
    "message[*].side", "message[*].price", "message[*].exec_date",
  ];
  deepEqual(likeliest("bid", fields).slice(0, 2), ["message.best_bid", "message.total_bid_depth"]);
  equal(likeliest("message.LTP", fields)[0], "message.ltp");
  deepEqual(new Set(likeliest("pirce", fields).slice(0, 2)), new Set(["message.bids[*].price", "message[*].price"]));
  equal(likeliest("params.side", fields)[0], "message[*].side");
  equal(likeliest("ask", fields)[0], "message.best_ask");
  ok(likeliest("zzzzzz", fields).length, "some are shown where none is like it");
});
