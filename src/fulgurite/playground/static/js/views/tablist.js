// Tabs: one of them in the order of Tab, arrow keys between them, and a chosen tab is shown at once.
import { html } from "../dom.js";

/**
 * @typedef {{id: string, label: import("../../vendor/preact.js").Child, selected: boolean, choose: () => void,
 *   attributes: object}} TabEntry
 */

/**
 * @param {{label: string, controls: string, tabs: TabEntry[], style: string}} props `controls` is the id of the
 *   element that the tabs change; the id of a tab itself is its own with "tab-" before it
 */
export function TabList({ label, controls, tabs, style }) {
  return html`
    <div class="tabs ${style}" role="tablist" aria-label=${label} onKeyDown=${moveAlong}>
      ${tabs.map((tab) => html`
        <button type="button" role="tab" key=${tab.id} id="tab-${tab.id}" aria-controls=${controls}
          aria-selected=${tab.selected ? "true" : "false"} tabindex=${tab.selected ? 0 : -1}
          onClick=${tab.choose} ...${tab.attributes}>${tab.label}</button>`)}
    </div>
  `;
}

/** @param {KeyboardEvent} event */
function moveAlong(event) {
  if (!(event.currentTarget instanceof HTMLElement)) return;
  const tabs = [...event.currentTarget.querySelectorAll("button")];
  const at = tabs.findIndex((tab) => tab === document.activeElement);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
  const next = to === undefined ? undefined : tabs.at(to % tabs.length);
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.click();
}
