// Folding the sides away: a button in a side's head, and a folded side.
import { toggleSide } from "../actions.js";
import { html } from "../dom.js";
import { t } from "../i18n.js";
import { narrow } from "./narrow.js";

/** @typedef {"left" | "right"} Side */

const SIDES = {
  left: { away: "«", back: "»", name: /** @type {const} */ ("channels"), key: "[" },
  right: { away: "»", back: "«", name: /** @type {const} */ ("sample"), key: "]" },
};

/** Folds the side away that it stands in, where there are sides. @param {{side: Side}} props */
export function FoldButton({ side }) {
  if (narrow.value) return null;
  const { away, name, key } = SIDES[side];
  const label = t("foldAway", { name: t(name) });
  return html`
    <button type="button" class="plain fold" aria-label=${label} title="${label} (${key})" aria-keyshortcuts=${key}
      onClick=${() => toggleSide(side)}>${away}</button>
  `;
}

/** Stands where a side is folded away, and brings it back. @param {{side: Side}} props */
export function FoldedSide({ side }) {
  const { back, name, key } = SIDES[side];
  const label = t("foldBack", { name: t(name) });
  return html`
    <button type="button" class="folded folded-${side}" aria-label=${label} title="${label} (${key})"
      aria-keyshortcuts=${key} onClick=${() => toggleSide(side)}>
      <span aria-hidden="true">${back}</span><span class="folded-name" aria-hidden="true">${t(name)}</span>
    </button>
  `;
}
