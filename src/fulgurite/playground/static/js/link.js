// A state of the page as the text of a link: never a secret, and nothing that is as on a first visit. Pure.
import { isShareableEndpoint, isShareableHttp } from "./address.js";
import { channelsOf, isPrivate, KINDS, productOf } from "./channels.js";
import {
  CHARTS, DIALECTS, FIRST_CHARTS, FIRST_INTERVAL, FIRST_PRODUCT, INTERVALS, LANGUAGES, VIEWS,
} from "./choices.js";

/**
 * @typedef {object} PageState
 * @property {import("./choices.js").ViewName} view
 * @property {import("./choices.js").EndpointChoice} endpoint
 * @property {string} url of the endpoint, where it is chosen by one
 * @property {string} http
 * @property {import("./messages.js").Dialect} dialect
 * @property {string} product
 * @property {string[]} channels
 * @property {import("./choices.js").ChartName} upper of the market view's charts
 * @property {import("./choices.js").ChartName} lower
 * @property {import("./messages.js").Interval} interval of the candles
 * @property {boolean} left whether that side is folded away
 * @property {boolean} right
 * @property {import("./choices.js").Language | null} language null unless the user chose it
 * @property {string | null} sample the language of the sample, null unless the user chose it
 */

const PRODUCT = /^[A-Z0-9_]{3,39}$/;
const SAMPLE = /^[a-z-]{1,30}$/;
const CHANNEL_LIMIT = 200;

/** @type {PageState} the page of a first visit */
const FIRST = {
  view: "market", endpoint: "embedded", url: "", http: "", dialect: "json-rpc", product: FIRST_PRODUCT,
  channels: channelsOf(FIRST_PRODUCT), upper: FIRST_CHARTS[0], lower: FIRST_CHARTS[1], interval: FIRST_INTERVAL,
  left: false, right: false, language: null, sample: null,
};

/** @param {PageState} page @returns {string} without the #; "" for the page of a first visit */
export function format(page) {
  const isUrl = page.endpoint === "url";
  /** @type {Record<string, string>} */
  const parts = {};
  if (page.view !== FIRST.view) parts.view = page.view;
  if (page.endpoint !== FIRST.endpoint) parts.endpoint = isUrl && isShareableEndpoint(page.url) ? page.url : page.endpoint;
  if (isUrl && isShareableHttp(page.http)) parts.http = page.http;
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
 * Parts of a link that the page does not understand are as on a first visit.
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
    view: VIEWS.find((name) => name === parts.get("view")) ?? FIRST.view,
    endpoint: named ?? "url",
    url: !named && isShareableEndpoint(endpoint) ? endpoint : "",
    http: isShareableHttp(http) ? http : "",
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
    refused: (!named && !isShareableEndpoint(endpoint)) || (http !== "" && !isShareableHttp(http)),
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
