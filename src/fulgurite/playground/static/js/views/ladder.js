// The board ladder: asks above, bids below, as many levels as fit, and whether the book may be believed.
import { subscribe } from "../actions.js";
import { KINDS } from "../channels.js";
import { html } from "../dom.js";
import { decimalsOf, formatPrice, formatSize } from "../format.js";
import { oldBook } from "../freshness.js";
import { t } from "../i18n.js";
import * as state from "../state.js";
import { replayState } from "../replay.js";
import { Age } from "./age.js";
import { useHeight } from "./usesize.js";

/** @typedef {import("../messages.js").Book} Book */
/** @typedef {import("../messages.js").Level} Level */

const ROW_HEIGHT = 19;
const STATES = /** @type {const} */ ({
  LIVE: { key: "bookLive", text: "bookLive" },
  AUCTION: { key: "bookAuction", text: "bookAuctionText" },
  STALE: { key: "bookStale", text: "bookStaleText" },
  WAITING_SNAPSHOT: { key: "bookWaiting", text: "bookWaitingText" },
});
/** The words in place of the state while nothing can come in. */
const OFF = /** @type {const} */ ({
  unsubscribed: "bookUnsubscribed", disconnected: "stateClosed", stopped: "stateInterrupted",
});
/** And where a connection is wanted, and is not there. */
const AWAY = /** @type {const} */ ({ connecting: "stateConnecting", failed: "stateFailed", backing_off: "stateClosed" });

export function Ladder() {
  const book = state.book.value;
  const shown = book?.state === "LIVE" || book?.state === "AUCTION" ? book : state.lastLiveBook.value;
  const old = oldBook();
  const live = (book?.state === "LIVE" || book?.state === "AUCTION") && old === null;
  const { ref, height } = useHeight();
  const levels = Math.max(1, Math.floor((height / ROW_HEIGHT - 1) / 2));
  return html`
    <section class="ladder" aria-labelledby="book-title">
      <header class="sub-head">
        <h3 id="book-title">${t("book")}</h3>
        <${BookState} book=${book} why=${old?.why} />
        ${shown && html`<${Age} of=${oldBook} />`}
      </header>
      <div class="ladder-columns" aria-hidden="true">
        <span>${t("depth")}</span><span>${t("size")}</span><span>${t("price")}</span>
      </div>
      <div class="ladder-body ${live ? "" : "not-live"}" ref=${ref}>
        ${shown && html`<${Levels} book=${shown} count=${levels} />`}
        ${!live && html`<${NotLive} book=${book} hasLevels=${shown !== null} why=${old?.why} />`}
      </div>
    </section>
  `;
}

/** @param {{book: Book | null, why: import("../freshness.js").WhyOld | undefined}} props */
function BookState({ book, why }) {
  if (why === "unsubscribed" || why === "disconnected") return html`<${Off} why=${why} />`;
  // No snapshot is on its way.
  const waits = !book || book.state === "WAITING_SNAPSHOT";
  if (waits && (why === "interrupted" || why === "stopped")) return html`<${Off} why=${why} />`;
  const isOld = why !== undefined;
  // An outdated state is not shown, unless it was a bad one.
  const isGood = book?.state === "LIVE" || book?.state === "AUCTION";
  if (!book || !state.isConnected.value || (isOld && isGood)) return null;
  return html`
    ${!isOld && html`
      <span class="hint drift" title=${t("driftHint")}>${t("drift", { count: book.drift_count })}</span>`}
    <span class="badge book-${book.state.toLowerCase()}" data-book-state=${book.state} title=${t("detBook", { detail: book.reason })}>
      ${t(STATES[book.state].key)}
    </span>
  `;
}

/** @param {{why: keyof typeof OFF | "interrupted"}} props */
function Off({ why }) {
  const name = state.connection.value?.state ?? "";
  const key = why === "interrupted" ? Object.entries(AWAY).find(([away]) => away === name)?.[1] : OFF[why];
  return html`<span class="badge" data-book-off=${why}>${t(key ?? "stateInterrupted")}</span>`;
}

/** Why there is no live book, and the remedy.
 * @param {{book: Book | null, hasLevels: boolean, why: import("../freshness.js").WhyOld | undefined}} props */
function NotLive({ book, hasLevels, why }) {
  const product = state.product.value;
  const needed = [KINDS[0].prefix + product, KINDS[1].prefix + product];
  const missing = needed.filter((channel) => !state.wanted.value.has(channel));
  if (missing.length) {
    return html`
      <div class="overlay">
        <p>${t("bookOff")}</p>
        <button type="button" class="action" onClick=${() => subscribe(missing)}>${t("subscribeThese")}</button>
      </div>`;
  }
  // A fault of the whole connection is said once, above the view.
  if (why === "disconnected" || why === "stopped" || why === "interrupted") return null;
  if (why === "silent") return html`<div class="overlay"><p>${t("bookSilent")}</p></div>`;
  if (replayState.value?.ended) return html`<div class="overlay"><p>${t("bookEnded")}</p></div>`;
  const key = book && book.state !== "WAITING_SNAPSHOT" ? STATES[book.state].text : "bookWaitingText";
  const text = t(hasLevels && key === "bookWaitingText" ? "bookStaleText" : key);
  return html`<div class="overlay"><p>${text}</p></div>`;
}

/** @param {{book: Book, count: number}} props */
function Levels({ book, count }) {
  const asks = book.asks.slice(0, count);
  const bids = book.bids.slice(0, count);
  const decimals = decimalsOf([...asks, ...bids].map(([price]) => price));
  const askDepths = depths(asks);
  const bidDepths = depths(bids);
  const most = Math.max(askDepths.at(-1) ?? 0, bidDepths.at(-1) ?? 0, Number.MIN_VALUE);
  return html`
    <div class="levels asks">
      ${asks.map((level, index) => html`
        <${Row} key=${index} level=${level} depth=${askDepths[index]} most=${most} decimals=${decimals} />`).reverse()}
    </div>
    ${book.state === "AUCTION" ? html`<${Uncrossing} price=${book.uncrossing} decimals=${decimals} />`
      : html`<${Spread} bid=${bids[0]?.[0]} ask=${asks[0]?.[0]} decimals=${decimals} />`}
    <div class="levels bids">
      ${bids.map((level, index) => html`
        <${Row} key=${index} level=${level} depth=${bidDepths[index]} most=${most} decimals=${decimals} />`)}
    </div>
  `;
}

/** Sizes added up from the best level on. @param {Level[]} levels @returns {number[]} */
function depths(levels) {
  let sum = 0;
  return levels.map(([, size]) => (sum += size));
}

/** @param {{level: Level, depth: number, most: number, decimals: number}} props */
function Row({ level: [price, size], depth, most, decimals }) {
  return html`
    <div class="level">
      <span class="bar" style=${{ transform: `scaleX(${(depth / most).toFixed(4)})` }}></span>
      <span class="level-depth">${formatSize(depth)}</span>
      <span class="level-size">${formatSize(size)}</span>
      <span class="level-price">${formatPrice(price, decimals)}</span>
    </div>
  `;
}

/** Before an itayose bids and asks cross, and there is no spread. @param {{price: number | null, decimals: number}} props */
function Uncrossing({ price, decimals }) {
  return html`
    <div class="level spread uncrossing" title=${t("bookAuctionText")} data-test="uncrossing">
      <span>${t("uncrossing")}</span>
      <span>${price === null ? t("uncrossingNone") : formatPrice(price, decimals)}</span>
    </div>`;
}

/** @param {{bid: number | undefined, ask: number | undefined, decimals: number}} props */
function Spread({ bid, ask, decimals }) {
  const text = bid === undefined || ask === undefined ? "-" : formatPrice(ask - bid, decimals);
  return html`<div class="level spread"><span>${t("spread")}</span><span>${text}</span></div>`;
}
