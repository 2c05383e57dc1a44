// The look of the real service: a bar under the header, a frame around the page and a word in its title, on every view.
import { html } from "../dom.js";
import { t } from "../i18n.js";
import { isConnected, isReal } from "../state.js";
import { replay } from "../replay.js";
import { CareLine } from "./care.js";
import { computed, effect } from "../../vendor/signals.js";

/** A replay shows a recording of any service, and has a bar of its own. */
const isShown = computed(() => isReal.value && replay.value === null);

effect(() => {
  document.documentElement.toggleAttribute("data-real", isShown.value);
  document.title = isShown.value ? `${t("realBadge")} · Fulgurite` : "Fulgurite";
});

export function RealBanner() {
  if (!isShown.value) return null;
  return html`
    <aside class="real-banner" aria-label=${t("realName")}>
      <strong class="real-badge"><span aria-hidden="true">◉</span> ${t("realBadge")}</strong>
      <p>${t("realText")} ${isConnected.value ? "" : t("realNotConnected")}</p>
      <${CareLine} />
    </aside>
  `;
}
