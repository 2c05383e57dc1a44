// Signs with the key of this page. WebCrypto holds the secret and never gives it out again, not even to this page.

/** Browsers let pages sign where nobody on the way can change them: https, or this very machine. */
export const canSign = isSecureContext && Boolean(crypto.subtle);

/** @type {CryptoKey | null} */
let key = null;

/** Hold a key from here on. @param {Uint8Array<ArrayBuffer>} secret is overwritten */
export async function holdKey(secret) {
  const imported = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  secret.fill(0);
  key = imported;
}

export const dropKey = () => { key = null; };

/** @param {string} text @returns {Promise<string>} its signature in hex; "" without a key */
export async function sign(text) {
  if (!key) return "";
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
  return [...new Uint8Array(signature)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// The backend may have these signed: `auth`, and the lists that a reconciliation needs. Never an order.
const AUTH = /^\d{13}[0-9a-f]{32}$/;
const LIST = /^\d{13}GET(\/[\w.-]+)*\/me\/get(childorders|executions|parentorders|parentorder)\?[\w=&-]*$/;

/** @param {string} text */
export const isSigned = (text) => AUTH.test(text) || LIST.test(text);
