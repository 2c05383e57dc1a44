// Who signs for the private channels. A secret that is typed becomes a key that WebCrypto uses and never gives out
// again, not even to this page; nothing else of it is kept. It is for one endpoint, and ends with the page or its backend.
import { batch, computed, effect } from "../vendor/signals.js";
import { auth, credentials, stored } from "./account.js";
import { chosenEndpoint, connect } from "./actions.js";
import * as backend from "./backend.js";
import { PRIVATE } from "./channels.js";
import * as state from "./state.js";

/** Browsers let pages sign where nobody on the way can change them: https, or this very machine. */
export const canSign = isSecureContext && Boolean(crypto.subtle);

/** The key as WebCrypto holds it; it cannot be read. @type {CryptoKey | null} */
let key = null;

/** Whether a connection was asked for of which nothing has been heard yet. */
export let isAsked = false;

/** Where a signature would go: what the page chose, as it tells the backend. */
const endpoint = computed(() => placeOf(...chosenEndpoint()));
let givenFor = "";

/** @param {string} endpoint @param {string} http @returns {string} the two as one, to be compared */
const placeOf = (endpoint, http) => JSON.stringify([endpoint, http]);

effect(() => {
  state.hasCredentials.value = credentials.value !== null;
});
// A signature is as good at one service as at another, so no other gets one.
effect(() => {
  const isOther = endpoint.value !== givenFor;
  if (isOther && credentials.peek()) drop();
});
// Whoever answers on that port next may be another program, of another user, and would have texts signed.
effect(() => {
  if (state.link.value === "lost" && credentials.peek()?.kind === "typed") drop();
});

/**
 * Use a key with its secret.
 * @param {string} name the API key
 * @param {Uint8Array<ArrayBuffer>} secret it is overwritten
 * @param {"typed" | "demo"} [kind]
 */
export async function useSecret(name, secret, kind = "typed") {
  const imported = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  secret.fill(0);
  key = imported;
  use({ kind, name });
}

/** Have the embedded exchange's demo account used. */
export function useDemo() {
  backend.send({ type: "demo" });
}

/** @param {string} name in the keychain, which the backend asks by itself */
export function useStored(name) {
  key = null;
  use({ kind: "stored", name });
}

export function listStored() {
  stored.value = "asked";
  backend.send({ type: "listkeys" });
}

/** Forget the key, and go on with public channels alone. */
export function forget() {
  drop();
  reconnect();
}

/** What the backend needs to know to connect. @returns {{api_key: string, stored: string}} */
export function forConnect() {
  isAsked = true;
  const { kind, name } = credentials.value ?? { kind: "", name: "" };
  return { api_key: kind === "stored" ? "" : name, stored: kind === "stored" ? name : "" };
}

/** @param {string} text @returns {Promise<string>} its signature in hex; "" without a key of this page */
export async function sign(text) {
  if (!key) return "";
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
  return [...new Uint8Array(signature)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// What the backend may have signed: `auth`, and the lists from which it concludes what was missed. Never an order.
const AUTH = /^\d{13}[0-9a-f]{32}$/;
const LIST = /^\d{13}GET(\/[\w.-]+)*\/me\/get(childorders|executions|parentorders|parentorder)\?[\w=&-]*$/;

/** @param {string} text */
export const isSigned = (text) => AUTH.test(text) || LIST.test(text);

/** @param {import("./messages.js").FromBackend} message @returns {boolean} whether it is for here alone */
export function takeSecrets(message) {
  switch (message.type) {
    case "hello":
      // The demo account is made anew with each exchange.
      if (credentials.value?.kind === "demo") {
        drop();
        useDemo();
      }
      return false;
    case "connection":
    case "problem":
      isAsked = false;
      return false;
    case "sign":
      void signature(message).then((signature) => (
        backend.send({ type: "signature", number: message.number, signature })));
      return true;
    case "demokey":
      if (state.endpointChoice.value !== "embedded") return true;
      void useSecret(message.api_key, new TextEncoder().encode(message.api_secret), "demo");
      return true;
    case "keys":
      stored.value = message;
      return true;
    case "auth":
      auth.value = message;
      return true;
    default:
      return false;
  }
}

/**
 * @param {Pick<import("./messages.js").Sign, "text" | "endpoint" | "http">} asked
 * @returns {Promise<string>} in hex; "" for what this page does not sign, or not for whom it is asked
 */
export async function signature({ text, endpoint, http }) {
  return placeOf(endpoint, http) === givenFor && isSigned(text) ? sign(text) : "";
}

/** @param {import("./account.js").Credentials} given */
function use(given) {
  batch(() => {
    givenFor = endpoint.value;
    credentials.value = given;
    auth.value = { state: "none", detail: "" };
    state.hasCredentials.value = true;
    state.wanted.value = new Set([...state.wanted.value, ...PRIVATE]);
  });
  reconnect();
}

function drop() {
  key = null;
  batch(() => {
    credentials.value = null;
    auth.value = { state: "none", detail: "" };
    state.hasCredentials.value = false;
  });
}

/** `auth` is part of a connection's beginning. The real service is never connected to without being asked. */
function reconnect() {
  if (isAsked || state.isConnected.value || state.endpointChoice.value === "embedded") connect();
}
