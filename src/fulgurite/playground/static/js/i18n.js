// The page's language: the browser's at first, then the user's choice.
import { signal } from "../vendor/signals.js";
import { en } from "./words/en.js";
import { ja } from "./words/ja.js";

/** @typedef {"en" | "ja"} Language */
/** @typedef {keyof typeof en} Key */

const STORAGE_KEY = "fulgurite.language";
const WORDS = { en, ja };

const browsers = navigator.language.startsWith("ja") ? "ja" : "en";
export const language = signal(/** @type {Language} */ (stored() ?? browsers));

/** @returns {Language | null} */
function stored() {
  try {
    const value = localStorage.getItem(STORAGE_KEY);
    return value === "en" || value === "ja" ? value : null;
  } catch {
    return null; // the browser is told to keep nothing
  }
}

/** @param {Language} choice */
export function chooseLanguage(choice) {
  language.value = choice;
  try {
    localStorage.setItem(STORAGE_KEY, choice);
  } catch {
    // the browser is told to keep nothing: the choice lasts as long as the page
  }
}

/**
 * A text in the page's language; views that use it are redrawn when that changes.
 * @param {Key} key
 * @param {Record<string, string | number>} [values] for the {names} in it
 * @returns {string}
 */
export function t(key, values = {}) {
  return WORDS[language.value][key].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}
