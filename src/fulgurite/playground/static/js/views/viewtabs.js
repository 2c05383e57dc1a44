// The tabs above the middle: the views of the stream; on a narrow screen also the two sides.
import { showColumn, showView } from "../actions.js";
import { VIEWS } from "../choices.js";
import { html } from "../dom.js";
import { t } from "../i18n.js";
import { part, view } from "../state.js";
import { narrow } from "./narrow.js";
import { TabList } from "./tablist.js";

export function ViewTabs() {
  const isMiddle = part.value === "middle" || !narrow.value;
  const views = VIEWS.map((id, index) => ({
    id,
    label: t(id),
    selected: isMiddle && view.value === id,
    choose: () => showView(id),
    attributes: { "data-view": id, "aria-keyshortcuts": `${index + 1}`, title: `${t(id)} (${index + 1})` },
  }));
  const tabs = narrow.value ? [side("left", t("channels")), ...views, side("right", t("sample"))] : views;
  return html`<${TabList} label=${t("views")} controls="view" tabs=${tabs} style="view-tabs" />`;
}

/** @param {"left" | "right"} id @param {string} label @returns {import("./tablist.js").TabEntry} */
const side = (id, label) => ({
  id,
  label,
  selected: part.value === id,
  choose: () => showColumn(id),
  attributes: { "data-part": id },
});
