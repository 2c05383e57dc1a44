import { equal } from "node:assert/strict";
import test from "node:test";
import { socketUrl } from "../../../src/fulgurite/playground/static/js/copycode.js";

test("the address is that of the dialect", () => {
  const live = "wss://ws.lightstream.bitflyer.com/json-rpc";
  const query = "EIO=3&transport=websocket";
  equal(socketUrl(live, "json-rpc"), live);
  equal(socketUrl(live, "socketio"), `wss://io.lightstream.bitflyer.com/socket.io/?${query}`);
  equal(socketUrl("http://127.0.0.1:9", "json-rpc"), "ws://127.0.0.1:9/json-rpc");
  equal(socketUrl("ws://h:9/json-rpc", "socketio"), `ws://h:9/socket.io/?${query}`);
});
