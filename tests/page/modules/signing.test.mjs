import { equal } from "node:assert/strict";
import test from "node:test";
import { isSigned } from "../../../src/fulgurite/playground/static/js/signing.js";

test("the page signs auth and lists, and never an order", () => {
  const now = "1795393018633";
  for (const text of [
    "2b3dfe993b5a66755d2bd400e263ae40",
    "GET/v1/me/getchildorders?product_code=ELF_JPY&count=500&child_order_state=ACTIVE",
    "GET/v1/me/getexecutions?product_code=FX_BTC_JPY&count=500&after=2812000022",
    "GET/v1/me/getparentorder?parent_order_id=JCP20261123-1",
  ]) equal(isSigned(now + text), true, text);
  for (const text of [
    'POST/v1/me/sendchildorder{"size":1}', "POST/v1/me/withdraw", "GET/v1/me/getbalance?x=1", "GET/v1/me/getaddresses",
    "GET/v1/me/getchildorders?a=1\nPOST", "",
  ]) equal(isSigned(now + text), false, text);
  equal(isSigned("anything"), false);
  equal(isSigned(""), false);
});
