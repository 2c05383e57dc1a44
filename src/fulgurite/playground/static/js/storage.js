// The user's choices that the browser keeps. It may be told to keep nothing: then a choice lasts as long as the page.

const PREFIX = "fulgurite.";

/** @param {string} name @returns {string | null} */
export function recallText(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null; // the browser is told to keep nothing
  }
}

/**
 * @template {string} T
 * @param {string} name
 * @param {readonly T[]} accepted
 * @returns {T | null} the kept value, if it is one of these
 */
export const recall = (name, accepted) => accepted.find((one) => one === recallText(name)) ?? null;

/** @param {string} name @param {string} value */
export function keep(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // the browser is told to keep nothing
  }
}
