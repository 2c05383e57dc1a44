// The state of the page in its address, after the #, so that a view can be shared: never a secret, and nothing that is
// as it is at first. The browser's history walks through it. The server never sees that part of an address.
import { subscribe, unsubscribe } from "./actions.js";
import { channelsOf, isPrivate, KINDS, productOf } from "./channels.js";
import { chooseDialect, connect, disconnect } from "./connecting.js";
import { chosenLanguage, LANGUAGES, t } from "./i18n.js";
import {
  CHARTS, chooseInterval, FIRST_CHARTS, FIRST_INTERVAL, interval, INTERVALS, lowerChart, upperChart, viewProduct,
} from "./marketdata.js";
import { chosen as sampleLanguage } from "./samples.js";
import * as state from "./state.js";
import { batch, effect } from "../vendor/signals.js";

/**
 * @typedef {object} PageState
 * @property {import("./state.js").ViewName} view
 * @property {import("./state.js").EndpointChoice} endpoint
 * @property {string} url of the endpoint, where it is chosen by one
 * @property {string} http
 * @property {import("./messages.js").Dialect} dialect
 * @property {string} product
 * @property {string[]} channels
 * @property {import("./marketdata.js").ChartName} upper of the market view's charts
 * @property {import("./marketdata.js").ChartName} lower
 * @property {import("./marketdata.js").Interval} interval of the candles
 * @property {boolean} left whether that side is folded away
 * @property {boolean} right
 * @property {import("./i18n.js").Language | null} language null unless the user chose it
 * @property {string | null} sample the language of the sample, null unless the user chose it
 */

const DIALECTS = /** @type {const} */ (["json-rpc", "socketio"]);
const PRODUCT = /^[A-Z0-9_]{3,39}$/;
const SAMPLE = /^[a-z-]{1,30}$/;
const CHANNEL_LIMIT = 200;
const URL_LIMIT = 2000;

/** @type {PageState} the page of a first visit */
const FIRST = {
  view: "market", endpoint: "embedded", url: "", http: "", dialect: "json-rpc", product: state.LIVELY_PRODUCT,
  channels: channelsOf(state.LIVELY_PRODUCT), upper: FIRST_CHARTS[0], lower: FIRST_CHARTS[1], interval: FIRST_INTERVAL,
  left: false, right: false, language: null, sample: null,
};

/**
 * Whether an address may stand in a link: user names, passwords and queries may be secret.
 * @param {string} text
 * @param {RegExp} schemes
 */
function isShareable(text, schemes) {
  try {
    const { protocol, username, password, search, hash } = new URL(text);
    return text.length <= URL_LIMIT && schemes.test(protocol) && !username && !password && !search && !hash;
  } catch {
    return false;
  }
}

/** @param {string} text */
const isEndpoint = (text) => isShareable(text, /^(ws|http)s?:$/);
/** @param {string} text */
const isHttp = (text) => isShareable(text, /^https?:$/);

/** @param {PageState} page @returns {string} without the #; "" for the page of a first visit */
export function format(page) {
  const isUrl = page.endpoint === "url";
  /** @type {Record<string, string>} */
  const parts = {};
  if (page.view !== FIRST.view) parts.view = page.view;
  if (page.endpoint !== FIRST.endpoint) parts.endpoint = isUrl && isEndpoint(page.url) ? page.url : page.endpoint;
  if (isUrl && isHttp(page.http)) parts.http = page.http;
  if (page.dialect !== FIRST.dialect) parts.dialect = page.dialect;
  if (page.product !== FIRST.product) parts.product = page.product;
  const channels = shorten(page.channels);
  if (channels !== shorten(FIRST.channels)) parts.channels = channels;
  if (page.upper !== FIRST.upper || page.lower !== FIRST.lower) parts.charts = `${page.upper},${page.lower}`;
  if (page.interval !== FIRST.interval) parts.interval = String(page.interval);
  if (page.left || page.right) parts.folded = [page.left && "left", page.right && "right"].filter(Boolean).join();
  if (page.language) parts.language = page.language;
  if (page.sample) parts.sample = page.sample;
  return Object.entries(parts).map(([name, value]) => `${name}=${escape(value)}`).join("&");
}

/** @param {string} value @returns {string} escaped no more than an address after # needs */
const escape = (value) => encodeURIComponent(value).replace(/%(2C|2F|3A)/g, decodeURIComponent);

/**
 * Whatever an address says that the page does not understand is as on a first visit.
 * @param {string} text with or without its #
 * @returns {PageState & {refused: boolean}} and whether an address of an endpoint in it was not taken
 */
export function parse(text) {
  const parts = new URLSearchParams(text.replace(/^#/, ""));
  const endpoint = parts.get("endpoint") ?? FIRST.endpoint;
  const http = parts.get("http") ?? "";
  const named = endpoint === "embedded" || endpoint === "live" || endpoint === "url" ? endpoint : null;
  const channels = parts.get("channels");
  const [upper, lower] = (parts.get("charts") ?? "").split(",");
  const folded = (parts.get("folded") ?? "").split(",");
  return {
    view: state.VIEWS.find((name) => name === parts.get("view")) ?? FIRST.view,
    endpoint: named ?? "url",
    url: !named && isEndpoint(endpoint) ? endpoint : "",
    http: isHttp(http) ? http : "",
    dialect: DIALECTS.find((name) => name === parts.get("dialect")) ?? FIRST.dialect,
    product: PRODUCT.exec(parts.get("product") ?? "")?.[0] ?? FIRST.product,
    channels: channels === null ? FIRST.channels : lengthen(channels),
    upper: CHARTS.find((name) => name === upper) ?? FIRST.upper,
    lower: CHARTS.find((name) => name === lower) ?? FIRST.lower,
    interval: INTERVALS.find((seconds) => String(seconds) === parts.get("interval")) ?? FIRST.interval,
    left: folded.includes("left"),
    right: folded.includes("right"),
    language: LANGUAGES.find((name) => name === parts.get("language")) ?? null,
    sample: SAMPLE.exec(parts.get("sample") ?? "")?.[0] ?? null,
    refused: (!named && !isEndpoint(endpoint)) || (http !== "" && !isHttp(http)),
  };
}

/** All four of a product are its code; one is its kind and the code. @param {string[]} channels @returns {string} */
function shorten(channels) {
  const wanted = new Set(channels);
  const words = new Set(channels.map((channel) => {
    if (isPrivate(channel)) return channel;
    const product = productOf(channel);
    if (channelsOf(product).every((one) => wanted.has(one))) return product;
    return `${KINDS.find(({ prefix }) => prefix + product === channel)?.label}:${product}`;
  }));
  return [...words].sort().join();
}

/** @param {string} text @returns {string[]} */
function lengthen(text) {
  const channels = text.split(",").flatMap((word) => {
    if (isPrivate(word)) return [word];
    const [, label, product = ""] = /^(?:([a-z]+):)?(.*)$/.exec(word) ?? [];
    if (!PRODUCT.test(product)) return [];
    return KINDS.filter((kind) => !label || kind.label === label).map(({ prefix }) => prefix + product);
  });
  return [...new Set(channels)].slice(0, CHANNEL_LIMIT);
}

/** @returns {PageState} what is on the page */
const present = () => ({
  view: state.view.value,
  endpoint: state.endpointChoice.value,
  url: state.endpointUrl.value.trim(),
  http: state.httpUrl.value.trim(),
  dialect: state.dialect.value,
  product: state.product.value,
  channels: [...state.wanted.value],
  upper: upperChart.value,
  lower: lowerChart.value,
  interval: interval.value,
  left: state.leftFolded.value,
  right: state.rightFolded.value,
  language: chosenLanguage.value,
  sample: sampleLanguage.value,
});

/** Take the address into the page, and keep each in step with the other from then on. */
export function follow() {
  let place = "";
  /** Go where the address leads. */
  const arrive = () => {
    const page = parse(location.hash);
    place = placeOf(page);
    // Whoever signs for the endpoint before must be forgotten by then, so this is not of the batch.
    const go = batch(() => show(page));
    go();
  };
  arrive();
  addEventListener("popstate", arrive);
  effect(() => {
    const page = present();
    const text = format(page);
    const address = text ? `#${text}` : location.pathname;
    // Only going elsewhere is a step of the history; folding a side or a subscription is none.
    if (placeOf(page) === place) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    place = placeOf(page);
  });
}

/** @param {PageState} page */
const placeOf = ({ view, endpoint, dialect, product }) => [view, endpoint, dialect, product].join();

/** @param {PageState & {refused: boolean}} page @returns {() => void} what is to be done once all of it is shown */
function show(page) {
  state.view.value = page.view;
  state.part.value = "middle";
  state.leftFolded.value = page.left;
  state.rightFolded.value = page.right;
  upperChart.value = page.upper;
  lowerChart.value = page.lower;
  if (page.interval !== interval.value) chooseInterval(page.interval);
  if (page.language) chosenLanguage.value = page.language;
  if (page.sample) sampleLanguage.value = page.sample;
  addRows([page.product, ...page.channels.map(productOf)]);
  viewProduct(page.product);
  const { endpoint, url, http, dialect } = present();
  const isOther = page.endpoint !== endpoint || page.url !== url || page.http !== http;
  if (!isOther) {
    const wanted = state.wanted.value;
    const more = page.channels.filter((channel) => !wanted.has(channel));
    const fewer = [...wanted].filter((channel) => !page.channels.includes(channel));
    if (more.length) subscribe(more);
    if (fewer.length) unsubscribe(fewer);
    if (page.dialect !== dialect) chooseDialect(page.dialect);
  } else {
    state.endpointChoice.value = page.endpoint;
    state.endpointUrl.value = page.url;
    state.httpUrl.value = page.http;
    state.dialect.value = page.dialect;
    state.wanted.value = new Set(page.channels);
  }
  return () => {
    // An address never connects to anything but the embedded exchange: whoever made it is not who sits here.
    if (isOther && page.endpoint === "embedded") connect();
    else if (isOther) disconnect();
    if (page.refused) state.problem.value = t("linkRefused");
  };
}

/** Give products rows in the matrix that the endpoint may not have. @param {string[]} codes */
function addRows(codes) {
  const known = new Set(["", ...state.products.value]);
  const fresh = [...new Set(codes)].filter((code) => !known.has(code));
  if (fresh.length) state.addedProducts.value = [...state.addedProducts.value, ...fresh];
}
