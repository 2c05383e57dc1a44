import { deepEqual, equal, ok } from "node:assert/strict";
import test from "node:test";
import { prettyPrint, summarise } from "../../../src/fulgurite/playground/static/js/frametext.js";

test("a row says what the frame is", () => {
  const labels = {
    '{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_ticker_X","message":{}}}':
      "lightning_ticker_X",
    '42["lightning_executions_X",[{"id":1}]]': "lightning_executions_X",
    '{"jsonrpc":"2.0","method":"subscribe","params":{"channel":"lightning_ticker_X"},"id":1}': "subscribe",
    '{"jsonrpc":"2.0","id":1,"result":true}': "result",
    '{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"invalid channel"}}': "error",
    '421["subscribe","lightning_ticker_X"]': "subscribe",
    "431[null]": "ack",
    '0{"sid":"x"}': "open",
    "40": "connect",
    "2": "ping",
    "3": "pong",
    "anything": "",
  };
  for (const [text, label] of Object.entries(labels)) equal(summarise(text).label, label);
});

test("pretty-printing changes nothing but space", () => {
  const text = '{"a":[{"price":5860832.0,"size":0.00000001},{"price":1e-8,"size":-0.0}],'
    + '"b":"a, {\\"b\\": 1}","c":{},"d":[]}';
  const pretty = prettyPrint(text);
  ok(pretty.includes("\n"));
  ok(pretty.includes('{ "price": 5860832.0, "size": 0.00000001 }'));
  deepEqual(JSON.parse(pretty), JSON.parse(text));
  equal(prettyPrint(`42${text}`), `42\n${pretty}`);
});

test("text that is no JSON is shown as it came", () => {
  for (const text of ["", "2", "no json", '{"a":', "{]", '{"a" 1}', '{"a":1}}', "[1,]x", '42["a"']) {
    equal(prettyPrint(text), text);
  }
});
