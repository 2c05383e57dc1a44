// What the browser keeps of the user's choices. It may be told to keep nothing: then a choice lasts as long as the page.

const PREFIX = "fulgurite.";

/**
 * @template {string} T
 * @param {string} name
 * @param {readonly T[]} accepted
 * @returns {T | null} what was kept, if it is one of these
 */
export function recall(name, accepted) {
  try {
    const value = localStorage.getItem(PREFIX + name);
    return accepted.find((one) => one === value) ?? null;
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} value */
export function keep(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // the browser is told to keep nothing
  }
}
