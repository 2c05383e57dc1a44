import { deepEqual } from "node:assert/strict";
import test from "node:test";
import { en, ja } from "../../../src/fulgurite/playground/static/js/words/all.js";

// But for the English sentences that the program gives, which Japanese words by the fields that come with them.
test("both languages have the same texts with the same values", () => {
  /** @param {string} text */
  const values = (text) => (text.match(/\{\w+\}/g) ?? []).filter((value) => value !== "{note}").sort();
  const fields = ["{code}", "{detail}", "{meaning}", "{span}", "{words}"];
  /** @type {[Record<string, string>, Record<string, string>]} */
  const [english, japanese] = [en, ja];
  const differ = [...new Set([...Object.keys(en), ...Object.keys(ja)])].filter((key) => {
    const [one, other] = [english[key], japanese[key]];
    if (one === "{detail}") return other === undefined || values(other).some((value) => !fields.includes(value));
    return !one || !other || String(values(one)) !== String(values(other));
  });
  deepEqual(differ, []);
});
