// The account of the private channels, as signals; never its secret.
import { signal } from "../vendor/signals.js";
import { told } from "./source.js";

/** @typedef {{kind: "typed" | "demo" | "stored", name: string}} Credentials the key, or its name in the keychain */
/** @typedef {{currency_code: string, amount: number, available: number}} Balance */
/** @typedef {{side: "BUY" | "SELL", size: number, pnl: number}} Position */
/** @typedef {{collateral: number, open_position_pnl: number}} Collateral */
/** @typedef {{balances: Balance[], positions: Position[], collateral: Collateral}} Funds */

/** The credentials in use. */
export const credentials = signal(/** @type {Credentials | null} */ (null));
/** The result of `auth`. */
export const auth = told(() => /** @type {{state: import("./messages.js").AuthState, detail: string}} */ (
  { state: "none", detail: "" }));
/** The names in the keychain, once they were asked for. */
export const stored = signal(/** @type {import("./messages.js").Keys | "asked" | null} */ (null));

export const orders = told(() => /** @type {import("./orderlives.js").Lives} */ (new Map()));
export const funds = told(() => /** @type {Funds | null} */ (null));
