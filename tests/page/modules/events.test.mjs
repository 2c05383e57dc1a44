import { equal, ok } from "node:assert/strict";
import test from "node:test";
import { chooseLanguage } from "../../../src/fulgurite/playground/static/js/i18n.js";
import { codeText, detailText, eventWords, statusText } from "../../../src/fulgurite/playground/static/js/views/events.js";

const STATUS = {
  type: /** @type {const} */ ("status"), at_ms: 0, channel: "", detail: "", connection: 0, seconds: 5, code: null,
  words: null, failure: null, http_status: null, key: 1,
};
const LANGUAGES = /** @type {const} */ (["en", "ja"]);

for (const language of LANGUAGES) {
  test(`the meaning of a close code is given once: ${language}`, () => {
    chooseLanguage(language);
    for (const [code, words] of /** @type {const} */ ([[1012, "scheduled maintenance"], [1006, null], [4000, ""]])) {
      const row = { ...STATUS, kind: "closed", code, words, detail: "closed by the server" };
      const { title, text, meaning = "" } = eventWords(row);
      equal(`${title} ${text} ${meaning}`.split(codeText(code)).length, 2, `${title} ${text} ${meaning}`);
    }
  });

  test(`the words beside a status do not repeat its name: ${language}`, () => {
    chooseLanguage(language);
    const said = {
      closed: "by this program", silent: "nothing for 5 s", dead: "acknowledged", behind: "a late ping",
      caught_up: "all waiting messages have been processed", dropped: "2 frames", unanswered: "no answer to subscribe",
      backing_off: "5.0 s",
    };
    for (const [kind, detail] of Object.entries(said)) {
      const [name, text] = [statusText(kind), detailText({ ...STATUS, kind, detail })];
      const stem = name.match(/\p{Script=Han}{2,}/u)?.[0] ?? name.toLowerCase();
      ok(!text.toLowerCase().includes(stem), `${name}: ${text}`);
    }
  });
}
