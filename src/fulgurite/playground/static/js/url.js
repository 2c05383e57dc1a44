// The state of the page in its address, after the #, so that a view can be shared. The browser's history walks through
// it. The server never sees that part of an address.
import { subscribe, unsubscribe } from "./actions.js";
import { productOf } from "./channels.js";
import { chooseDialect, connect, disconnect } from "./connecting.js";
import { chosenLanguage, t } from "./i18n.js";
import { format, parse } from "./link.js";
import { chooseInterval, interval, lowerChart, upperChart, viewProduct } from "./marketdata.js";
import { chosen as sampleLanguage } from "./samples.js";
import * as state from "./state.js";
import { batch, effect } from "../vendor/signals.js";

/** @typedef {import("./link.js").PageState} PageState */

/** @returns {PageState} the state on the page */
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
    // The key for the endpoint before must be forgotten by then, so this is not in the batch.
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

/** @param {PageState & {refused: boolean}} page @returns {() => void} to be called once all of it is shown */
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
    // An address never connects to anything but the embedded exchange: it may come from somebody else.
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
