// The connection to the endpoint: its choice, its beginning and its end.
import { effect } from "../vendor/signals.js";
import { credentials } from "./account.js";
import { send } from "./backend.js";
import { isPrivate } from "./channels.js";
import { wasConnected } from "./happened.js";
import { t } from "./i18n.js";
import { leaveReplay, refusedInReplay, replay } from "./replay.js";
import { leaveSource, sourceNumber } from "./source.js";
import * as state from "./state.js";

/** Whether a connection was asked for and has not answered yet. */
export let isAsked = false;

/** The endpoint that is chosen, and its HTTP API where it was given by itself. @returns {[string, string]} */
export function chosenEndpoint() {
  return [state.endpoint.value, state.endpointChoice.value === "url" ? state.httpUrl.value.trim() : ""];
}

/** The choice of an endpoint when the page last began anew. */
let shown = String(chosenEndpoint());

/** Where another endpoint is chosen nothing of the one before stays. @returns {boolean} whether one is */
function leaveFormer() {
  const chosen = String(chosenEndpoint());
  if (chosen === shown) return false;
  shown = chosen;
  leaveReplay();
  leaveSource();
  return true;
}
effect(() => {
  if (leaveFormer()) send({ type: "disconnect", source: sourceNumber() });
});

/** The beginning of a possible address; the backend looks at the rest. */
const BEGINNING = /^(ws|http)s?:\/\/./i;

/** Connect to the chosen endpoint, or anew in the chosen dialect. */
export function connect() {
  leaveReplay();
  leaveFormer();
  const [endpoint, http] = chosenEndpoint();
  state.problem.value = state.endpointChoice.value === "url" && !BEGINNING.test(endpoint) ? t("urlMisfit") : "";
  if (state.problem.value) return;
  isAsked = true;
  const { kind, name } = credentials.value ?? { kind: "", name: "" };
  send({
    type: "connect",
    endpoint,
    dialect: state.dialect.value,
    channels: allowed([...state.wanted.value]),
    http,
    api_key: kind === "stored" ? "" : name,
    stored: kind === "stored" ? name : "",
    source: sourceNumber(),
  });
}

/** Private channels wait for credentials. @param {string[]} channels */
export const allowed = (channels) => channels.filter((channel) => state.hasCredentials.value || !isPrivate(channel));

export function disconnect() {
  leaveReplay();
  leaveFormer();
  send({ type: "disconnect", source: sourceNumber() });
}

/** Go on with a backend that has just said hello. Only the embedded exchange is connected to without being asked; the
 * real service never is. A connection that was there when the former backend went is made again. */
export function resume() {
  if (!state.hello.value?.embedded && state.endpointChoice.value === "embedded") state.endpointChoice.value = "live";
  if (wasConnected ?? state.endpointChoice.value === "embedded") connect();
  else disconnect();
}

/** @param {import("./state.js").EndpointChoice} choice */
export function chooseEndpoint(choice) {
  // In a replay none is on screen, and the one that was chosen before may be chosen again.
  if (state.endpointChoice.value === choice && !replay.value) return;
  state.endpointChoice.value = choice;
  if (choice === "embedded") connect();
  else disconnect();
}

/** @param {import("./messages.js").Dialect} dialect */
export function chooseDialect(dialect) {
  if (refusedInReplay() || state.dialect.value === dialect) return;
  state.dialect.value = dialect;
  if (isAsked || state.isConnected.value) connect();
}

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  connection(message) {
    isAsked = false;
    state.connection.value = message;
    state.problem.value = "";
  },
  products({ product_codes, from_endpoint }) {
    state.endpointProducts.value = product_codes;
    state.productsFromEndpoint.value = from_endpoint;
  },
  problem({ text }) {
    isAsked = false;
    state.problem.value = text;
  },
};
