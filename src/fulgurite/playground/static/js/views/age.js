// The mark of an old value, with its age. A value without the mark is true.
import { html } from "../dom.js";
import { formatAge } from "../format.js";
import { second } from "../freshness.js";
import { t } from "../i18n.js";

/** @typedef {import("../freshness.js").Old} Old */

const REASONS = /** @type {const} */ ({
  stopped: "oldStopped", disconnected: "oldDisconnected", interrupted: "oldInterrupted",
  unsubscribed: "oldUnsubscribed", refused: "oldRefused", silent: "oldSilent",
});

/** @param {{of: () => Old | null}} props asked each second, so that only the mark is drawn anew */
export function Age({ of }) {
  const at = second.value;
  const old = of();
  if (!old) return null;
  const reason = t(REASONS[old.why]);
  const age = old.sinceMs === null ? t("oldUnknown") : t("old", { age: formatAge(at - old.sinceMs) });
  return html`<span class="badge age" data-old=${old.why} title=${reason}>
    <span aria-hidden="true">◷</span> ${age}<span class="for-readers">. ${reason}</span></span>`;
}
