// The look of the page: the theme, and the colour of rising prices. Both stand on the root element, where the style
// sheets see them; drawings on a canvas watch `shownTheme` and `rising`, and read their colours again when they change.
import { computed, effect, signal } from "../vendor/signals.js";
import { keep, recall } from "./storage.js";

export const THEMES = /** @type {const} */ (["auto", "light", "dark"]);
/** The colour of a rise and a bid: green as in the West, or red as in Japan. */
export const RISING = /** @type {const} */ (["green", "red"]);
/** @typedef {typeof THEMES[number]} Theme */
/** @typedef {typeof RISING[number]} Rising */

const darkness = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(darkness.matches);
darkness.addEventListener("change", ({ matches }) => { systemIsDark.value = matches; });

export const theme = signal(/** @type {Theme} */ (recall("theme", THEMES) ?? "auto"));
export const rising = signal(/** @type {Rising} */ (recall("rising", RISING) ?? "green"));

/** The theme that is on the screen. */
export const shownTheme = computed(() => {
  if (theme.value !== "auto") return theme.value;
  return systemIsDark.value ? "dark" : "light";
});

/** @param {Theme} choice */
export function chooseTheme(choice) {
  theme.value = choice;
  keep("theme", choice);
}

/** @param {Rising} choice */
export function chooseRising(choice) {
  rising.value = choice;
  keep("rising", choice);
}

effect(() => {
  document.documentElement.dataset.theme = shownTheme.value;
  document.documentElement.dataset.rising = rising.value;
});
