// The token that the page shows its backend beside the cookie, a new one at each start of the backend.

const KEPT = "fulgurite.token";

/** @returns {string} as the last entry has kept it; "" where the browser is told to keep nothing */
export function token() {
  try {
    return localStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} token */
export function keepToken(token) {
  try {
    localStorage.setItem(KEPT, token);
  } catch {
    // the page will say that it is not let in
  }
}
