// The choice of a key for the private channels. A key is for one endpoint, and ends with the page or its backend.
import { batch, computed, effect } from "../vendor/signals.js";
import { auth, credentials, stored } from "./account.js";
import * as backend from "./backend.js";
import { PRIVATE } from "./channels.js";
import { chosenEndpoint, connect, isAsked } from "./connecting.js";
import { dropKey, holdKey, isSigned, sign } from "./signing.js";
import * as state from "./state.js";

/** The address that the page would connect to, as it tells the backend. */
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
// The next program on that port may be another user's, and would have texts signed.
effect(() => {
  if (state.link.value === "lost" && credentials.peek()?.kind === "typed") drop();
});

/**
 * Use a key with its secret.
 * @param {string} name the API key
 * @param {Uint8Array<ArrayBuffer>} secret is overwritten
 * @param {"typed" | "demo"} [kind]
 */
export async function useSecret(name, secret, kind = "typed") {
  await holdKey(secret);
  use({ kind, name });
}

/** Have the embedded exchange's demo account used. */
export const useDemo = () => { backend.send({ type: "demo" }); };

/** The demo account is made anew with each exchange. */
export function renewDemo() {
  if (credentials.value?.kind !== "demo") return;
  drop();
  useDemo();
}

/** @param {string} name in the keychain; the backend asks it by itself */
export function useStored(name) {
  dropKey();
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

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  sign(message) {
    void signature(message).then((signature) => (
      backend.send({ type: "signature", number: message.number, signature })));
  },
  demokey({ api_key, api_secret }) {
    if (state.endpointChoice.value !== "embedded") return;
    void useSecret(api_key, new TextEncoder().encode(api_secret), "demo");
  },
  keys(message) { stored.value = message; },
  auth(message) { auth.value = message; },
};

/**
 * @param {Pick<import("./messages.js").Sign, "text" | "endpoint" | "http">} asked
 * @returns {Promise<string>} in hex; "" for a text that this page does not sign, and for another endpoint
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
  dropKey();
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
