// What the user can do. Each changes the state and tells the backend.
import { batch, effect } from "../vendor/signals.js";
import * as backend from "./backend.js";
import { channelsOf, isPrivate } from "./channels.js";
import { wasConnected } from "./happened.js";
import { forConnect, isAsked } from "./secret.js";
import { t } from "./i18n.js";
import * as marketdata from "./marketdata.js";
import { leaveSource, sourceNumber } from "./source.js";
import * as state from "./state.js";
import { leaveReplay, refusedInReplay, replay } from "./tapes.js";

/** @typedef {import("./messages.js").MarketPart} MarketPart */
/** @typedef {import("./state.js").EndpointChoice} EndpointChoice */

/** The endpoint that is chosen, and its HTTP API where it was given by itself. @returns {[string, string]} */
export function chosenEndpoint() {
  return [state.endpoint.value, state.endpointChoice.value === "url" ? state.httpUrl.value.trim() : ""];
}

/** What was chosen as the endpoint when the page last began anew. */
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
  if (leaveFormer()) backend.send({ type: "disconnect", source: sourceNumber() });
});

/** How an address begins that can be one; the backend looks at the rest. */
const BEGINNING = /^(ws|http)s?:\/\/./i;

/** Connect to what is chosen, or anew in the chosen dialect. */
export function connect() {
  leaveReplay();
  leaveFormer();
  const [endpoint, http] = chosenEndpoint();
  state.problem.value = state.endpointChoice.value === "url" && !BEGINNING.test(endpoint) ? t("urlMisfit") : "";
  if (state.problem.value) return;
  backend.send({
    type: "connect",
    endpoint,
    dialect: state.dialect.value,
    channels: allowed([...state.wanted.value]),
    http,
    ...forConnect(),
    source: sourceNumber(),
  });
}

/** Private channels wait for credentials. @param {string[]} channels */
const allowed = (channels) => channels.filter((channel) => state.hasCredentials.value || !isPrivate(channel));

export function disconnect() {
  leaveReplay();
  leaveFormer();
  backend.send({ type: "disconnect", source: sourceNumber() });
}

/** The backend is there, for the first time or again. */
export function resume() {
  backend.send({ type: "view", product_code: state.product.value });
  sendCharts();
  if (!state.hello.value?.embedded && state.endpointChoice.value === "embedded") state.endpointChoice.value = "live";
  // Only the embedded exchange is connected to without being asked; the real service never is. What was connected when
  // the backend went is connected again.
  if (wasConnected ?? state.endpointChoice.value === "embedded") connect();
  else disconnect();
}

/** @param {EndpointChoice} choice */
export function chooseEndpoint(choice) {
  // In a replay none is what is on screen, and the one that was chosen before may be chosen again.
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

/** @param {string} channel */
export function toggleChannel(channel) {
  if (state.wanted.value.has(channel)) unsubscribe([channel]);
  else subscribe([channel]);
}

/** @param {string[]} channels */
export function subscribe(channels) {
  if (refusedInReplay()) return;
  state.wanted.value = new Set([...state.wanted.value, ...channels]);
  state.givenUp.value = state.givenUp.value.filter((channel) => !state.wanted.value.has(channel));
  backend.send({ type: "subscribe", channels: allowed(channels) });
}

/** @param {string[]} channels */
export function unsubscribe(channels) {
  if (refusedInReplay()) return;
  state.wanted.value = new Set([...state.wanted.value].filter((channel) => !channels.includes(channel)));
  backend.send({ type: "unsubscribe", channels });
}

/** So long what was unsubscribed at one stroke can be taken back, whatever is clicked meanwhile. */
const UNDO_MS = 60_000;
let forgetting = 0;

export function unsubscribeAll() {
  const all = [...state.wanted.value];
  unsubscribe(all);
  if (state.wanted.value.size > 0) return; // refused
  state.givenUp.value = all;
  clearTimeout(forgetting);
  forgetting = setTimeout(() => { state.givenUp.value = []; }, UNDO_MS);
}

/** @param {string} product */
export function viewProduct(product) {
  if (state.product.value === product) return;
  batch(() => {
    state.product.value = product;
    state.book.value = null;
    state.lastLiveBook.value = null;
    state.ticker.value = null;
    state.trades.value = [];
    marketdata.clearCharts();
  });
  backend.send({ type: "view", product_code: product });
}

/** Show these parts of the market, and nothing costs what the others need. @param {readonly MarketPart[]} parts */
export function showParts(parts) {
  marketdata.parts.value = parts;
  sendCharts();
}

/** @param {import("./messages.js").Interval} interval of the candles */
export function chooseInterval(interval) {
  marketdata.interval.value = interval;
  sendCharts();
}

function sendCharts() {
  const { parts, interval } = marketdata;
  backend.send({ type: "charts", parts: [...parts.value], interval_s: interval.value });
}

/** Add a row to the matrix. @param {string} code */
export function addProduct(code) {
  const clean = code.trim().toUpperCase();
  if (!/^[A-Z0-9_]{3,39}$/.test(clean)) return;
  if (!state.products.value.includes(clean)) state.addedProducts.value = [...state.addedProducts.value, clean];
  subscribe(channelsOf(clean));
  viewProduct(clean);
}

/** @param {boolean} paused */
export function pauseFrames(paused) {
  state.frameLog.setPaused(paused);
  state.frameVersion.value += 1;
}

export function clearFrames() {
  state.frameLog.clear();
  state.selectedFrame.value = null;
  state.following.value = true;
  state.frameVersion.value += 1;
}

/** @param {import("./framelog.js").Row | null} row */
export function selectFrame(row) {
  state.selectedFrame.value = row;
}
