// What the page shows its backend, beside the cookie. It is another each time the backend starts.

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
