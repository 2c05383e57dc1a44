// The page's language: the browser's at first, then the user's choice.
import { computed, signal } from "../vendor/signals.js";
import { LANGUAGES } from "./choices.js";
import { keep, recall } from "./storage.js";
import { en, ja } from "./words/all.js";

/** @typedef {import("./choices.js").Language} Language */
/** @typedef {keyof typeof en} Key */

const WORDS = { en, ja };

const browsers = navigator.language.startsWith("ja") ? "ja" : "en";
/** The user's choice, if there is one. */
export const chosenLanguage = signal(recall("language", LANGUAGES));
export const language = computed(() => chosenLanguage.value ?? browsers);

/** @param {Language} choice */
export function chooseLanguage(choice) {
  chosenLanguage.value = choice;
  keep("language", choice);
}

/** @param {string} text @returns {text is Key} */
export const isKey = (text) => Object.hasOwn(en, text);

/**
 * A text in the page's language; views that use it are redrawn when that changes.
 * @param {Key} key
 * @param {Record<string, string | number>} [values] for the {names} in it
 * @returns {string}
 */
export function t(key, values = {}) {
  return WORDS[language.value][key].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}
