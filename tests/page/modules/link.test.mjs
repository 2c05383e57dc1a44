import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";
import { format, parse } from "../../../src/fulgurite/playground/static/js/link.js";

test("a link says what it was made of", () => {
  for (const link of [
    "",
    "view=frames",
    "endpoint=live&dialect=socketio&language=ja",
    "endpoint=wss://example.com:9/json-rpc&http=https://example.com/v1",
    "product=BTC_JPY&channels=BTC_JPY,child_order_events,ticker:XRP_JPY&folded=left,right",
    "channels=",
    "charts=depth,candles&interval=60",
  ]) equal(format(parse(link)), link);
});

test("wrong parts of a link are as on a first visit", () => {
  equal(format(parse("view=x&dialect=y&product=no%20code&charts=x,y&interval=7&folded=z&language=fr")), "");
  equal(format(parse("channels=x,y:BTC_JPY")), "channels=");
  equal(format(parse("%")), "");
  equal(format(parse("&&=&")), "");
});

test("a link takes no address that may hold a secret", () => {
  for (const link of [
    "endpoint=ws://me:hunter2@h/",
    "endpoint=ws://me@h/",
    "endpoint=ws://h/?key=hunter2",
    "endpoint=ws://h/%23hunter2",
    "endpoint=javascript:1",
    "endpoint=live&http=http://me:hunter2@h/v1",
  ]) {
    const { url, http, refused } = parse(link);
    deepEqual([url, http, refused], ["", "", true]);
  }
});
