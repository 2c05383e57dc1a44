import { deepEqual, equal, ok } from "node:assert/strict";
import test from "node:test";
import { foundSpans } from "../../../src/fulgurite/playground/static/js/framefields.js";
import { frameContent, parseFilter } from "../../../src/fulgurite/playground/static/js/framepath.js";
import { RPC, SOCKETIO, TICKER } from "./building.mjs";

/** @param {string} path @param {unknown} content */
const finds = (path, content) => parseFilter(path).condition?.(content);

test("a path finds frames of both dialects", () => {
  const found = [
    "message.ltp > 100", "message.ltp>100", "message.ltp >= 105", "message.ltp < 1e3", "message.ltp = 105",
    "message.ltp == 105.0", "message.ltp", "message.product_code = BTC_JPY", "message.product_code = 'BTC_JPY'",
    `channel = ${TICKER}`, "channel ~ TICKER", "message.bids[0].size = 3", "message.bids[*].size > 2",
    "message.ltp > 100 and channel ~ ticker", "message.ltp > 200 or channel ~ ticker",
    "message.ltp > 200 && channel ~ x || message.ltp > 1",
  ];
  const missed = [
    "message.ltp > 105", "message.ltp <= 104.99", "message.ltp != 105", "message.nope", "message.nope != 1",
    'message.product_code = "ETH_JPY"', "message.product_code > 100", "channel ~ board", "message.bids[1].size = 3",
    "message.*.size > 2", "message.ltp > 200 and channel ~ ticker",
  ];
  for (const text of [RPC, SOCKETIO]) {
    for (const path of found) equal(finds(path, frameContent(text)), true, path);
    for (const path of missed) equal(finds(path, frameContent(text)), false, path);
  }
  deepEqual(parseFilter("  "), { condition: null, fault: null, comparisons: [] });
});

test("a path from the root is of the frame as it is", () => {
  const cases = [
    [RPC, "$.params.message.ltp > 100"], [RPC, "$.method = channelMessage"], [RPC, "params.channel ~ ticker"],
    [SOCKETIO, "$[1].ltp > 100"], [SOCKETIO, `$[0] = ${TICKER}`], ["[]", "$"], ["null", "$"], ["[1, null]", "$[1]"],
  ];
  for (const [text = "", path = ""] of cases) equal(finds(path, frameContent(text)), true, path);
});

test("a text that is no path has its fault named", () => {
  const faults = [
    ["message.ltp >", "pathValue", ""], ["message.ltp > >", "pathValue", ">"], ["> 100", "pathName", ">"],
    ["message.ltp > 100 and", "pathEnd", ""], ["message.ltp 100", "pathRest", "100"],
    ["message[x]", "pathClose", "message[x]"], ["message.bids[", "pathClose", "message.bids["],
    ["(message.ltp)", "pathName", "("], ['"a" = 1', "pathName", '"a"'],
  ];
  for (const [path = "", error, near] of faults) {
    const { condition, fault } = parseFilter(path);
    deepEqual([condition, fault?.error, fault?.near], [null, error, near]);
  }
});

test("any text is a path or a fault, and nothing throws or hangs", () => {
  const parts = ["message", ".", "ltp", "[", "]", "*", "0", ">", "=", "~", '"', "'", " ", "and", "or", "$", "\\", "(", "é"];
  let seed = 7;
  /** @param {number} below */
  const random = (below) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  let faults = 0;
  for (let count = 0; count < 20_000; count += 1) {
    const text = Array.from({ length: random(12) }, () => parts[random(parts.length)]).join("");
    const { condition, fault } = parseFilter(text);
    condition?.({ params: { channel: "c", message: { ltp: 1 } } });
    ok(!(fault && condition), text);
    if (fault) faults += 1;
  }
  ok(faults > 1000);
  ok(parseFilter("[".repeat(100_000)).fault);
});

test("equal is equal for numbers and text, and each match is marked", () => {
  const executions = '{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_executions_BTC_JPY",'
    + '"message":[{"id":7,"side":"BUY","price":100.0,"size":"0.10"},{"id":8,"side":"SELL","price":99.0,"size":"0.2"}]}}';
  const marked = {
    "price=100": ['"price":100.0'],
    "price == 100.00": ['"price":100.0'],
    "price = '100'": ['"price":100.0'],
    "side=BUY": ['"side":"BUY"'],
    'side == "SELL"': ['"side":"SELL"'],
    "size = 0.1": ['"size":"0.10"'],
    "message[1].id": ['"id":8'],
    "$.params.message[*].price < 100": ['"price":99.0'],
    "channel ~ executions": ['"channel":"lightning_executions_BTC_JPY"'],
    "side=BUY and id = 8": ['"side":"BUY"', '"id":8'],
    "message": ['"message":'],
    "price = 1": [],
  };
  for (const [path, expected] of Object.entries(marked)) {
    const { condition, comparisons } = parseFilter(path);
    deepEqual(foundSpans(executions, "", comparisons).map(([from, to]) => executions.slice(from, to)), expected);
    equal(condition?.(frameContent(executions)), expected.length > 0, path);
  }
});

test("text is compared in either case unless it is quoted", () => {
  const paths = ["side = buy", "side = Buy", "side == BUY", 'side = "BUY"', 'side = "buy"', "side != buy", "side != sell"];
  deepEqual(paths.map((path) => finds(path, { side: "BUY" })), [true, true, true, true, false, false, true]);
});
