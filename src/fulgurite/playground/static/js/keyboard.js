// The keyboard: one key for each frequent action. The list on `?` is made from the same table.
import { openDialog, pauseFrames, showMatrix, showView, toggleSide } from "./actions.js";
import { VIEWS } from "./choices.js";
import { chooseDialect, connect, disconnect } from "./connecting.js";
import { viewProduct } from "./marketdata.js";
import * as state from "./state.js";

/** @typedef {import("./i18n.js").Key} Key */
/** @typedef {{keys: string[], words: Key, run: (key: string) => void}} Shortcut */

/** @type {Shortcut[]} */
export const SHORTCUTS = [
  { keys: ["1", "2", "3", "4", "5"], words: "keyViews", run: (key) => showView(VIEWS[Number(key) - 1] ?? "market") },
  { keys: ["c"], words: "keyConnect", run: () => (state.isConnected.value ? disconnect() : connect()) },
  {
    keys: ["d"],
    words: "keyDialect",
    run: () => chooseDialect(state.dialect.value === "json-rpc" ? "socketio" : "json-rpc"),
  },
  { keys: ["j"], words: "keyNextProduct", run: () => stepProduct(1) },
  { keys: ["k"], words: "keyPreviousProduct", run: () => stepProduct(-1) },
  { keys: ["m"], words: "keyMatrix", run: focusMatrix },
  { keys: ["["], words: "keyLeft", run: () => toggleSide("left") },
  { keys: ["]"], words: "keyRight", run: () => toggleSide("right") },
  { keys: ["p"], words: "keyPause", run: () => pauseFrames(!state.frameLog.paused) },
  { keys: ["/"], words: "keyFilter", run: focusFilter },
  { keys: ["s"], words: "settings", run: () => openDialog("settings") },
  { keys: ["?"], words: "keyKeys", run: () => openDialog("keys") },
];

/** Listen to the keys of the whole page. */
export function listen() {
  document.addEventListener("keydown", (event) => {
    // An open dialog has its own keys; a key that a part of the page has used means nothing more.
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || state.dialog.value) return;
    if (event.isComposing || isTyping(event.target)) return;
    const shortcut = SHORTCUTS.find(({ keys }) => keys.includes(event.key));
    if (!shortcut) return;
    event.preventDefault();
    shortcut.run(event.key);
  });
}

/** @param {EventTarget | null} target @returns {boolean} whether keys write or choose there */
function isTyping(target) {
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "range"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
    || (target instanceof HTMLElement && target.isContentEditable);
}

/** @param {1 | -1} step */
function stepProduct(step) {
  const products = state.products.value;
  const next = products.at((products.indexOf(state.product.value) + step) % products.length);
  if (next) viewProduct(next);
}

function focusMatrix() {
  showMatrix();
  whenDrawn(() => document.querySelector(".in-view .cell"));
}

/** Go to the filter of the view, or to that of the frames where it has none. */
function focusFilter() {
  if (!document.querySelector("[data-filter]")) showView("frames");
  whenDrawn(() => document.querySelector("[data-filter]"));
}

/** Focus an element once the present change is drawn, on the next animation frame.
 * @param {() => Element | null} find */
function whenDrawn(find) {
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const element = find();
    if (element instanceof HTMLElement) element.focus();
  }));
}
