import { deepEqual } from "node:assert/strict";
import test from "node:test";
import { visible } from "../../../src/fulgurite/playground/static/js/visible.js";

test("no character is shown that cannot be seen or turns others round", () => {
  const texts = [
    "abc\u202edcba", "a\u200bb\ufeff", "\x00\x1b[31m", "\ud800x", "a\nb\tc", "日本 é 😀", `e${"\u0301".repeat(50)}`,
    "\u{e0041}", "\u3164", "\u2066x\u2069", "\u061c",
  ];
  deepEqual(texts.map((text) => visible(text)), [
    "abc\\u202edcba", "a\\u200bb\\ufeff", "\\u0000\\u001b[31m", "\\ud800x", "a\nb\tc", "日本 é 😀", "e\u0301\u0301…",
    "\\udb40\\udc41", "\\u3164", "\\u2066x\\u2069", "\\u061c",
  ]);
});
