// The colours of the style sheets, for drawings on a canvas.
import { rising, shownTheme } from "./settings.js";

const NAMES = /** @type {const} */ ([
  "ground", "panel", "raised", "line", "line-strong", "text", "muted", "accent", "buy", "sell", "buy-bar", "sell-bar",
  "warn", "warn-ground", "warn-line",
]);
/** @typedef {Record<typeof NAMES[number], string>} Colours */

/** An effect that calls this is run again when the colours change; they are to be read in the next animation frame. */
export function watchColours() {
  void shownTheme.value;
  void rising.value;
}

/** @returns {Colours} as they are now */
export function readColours() {
  const style = getComputedStyle(document.documentElement);
  const entries = NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]);
  return /** @type {Colours} */ (Object.fromEntries(entries));
}

/** @param {string} colour as in #1a2b3c @returns {[number, number, number]} */
export function rgb(colour) {
  const value = Number.parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** @param {string} colour as in #1a2b3c @param {number} alpha from 0 to 1 @returns {string} */
export const faded = (colour, alpha) => `rgba(${rgb(colour).join(", ")}, ${alpha})`;
