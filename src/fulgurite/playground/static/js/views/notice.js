// A notice about a recent or lasting event: the page slept, or has lost its backend and found it again.
import { dismissNotice } from "../actions.js";
import { html } from "../dom.js";
import { dismissRemark, remark } from "../fields.js";
import { formatSpan } from "../format.js";
import { heardAt } from "../happened.js";
import { t } from "../i18n.js";
import { link, now } from "../state.js";
import { eventWords } from "./events.js";

/** @param {{row: import("../history.js").PageRow | null}} props */
export function Notice({ row }) {
  return html`
    <div class="notice-place" role="status">
      ${remark.value && html`<${Remark} remark=${remark.value} />`}
      ${link.value === "silent" ? html`<${Silent} />` : row && html`<${Passed} row=${row} />`}
    </div>
  `;
}

/** @param {{remark: NonNullable<typeof remark.value>}} props */
function Remark({ remark: { kind, ...numbers } }) {
  const values = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, value.toLocaleString("en-US")]));
  return html`
    <p class="notice notice-lasting" data-notice=${kind}>
      ${t(kind, values)}
      <button type="button" class="plain" onClick=${dismissRemark}>${t("noticeHide")}</button>
    </p>
  `;
}

function Silent() {
  void now.value; // it counts on
  return html`<p class="notice notice-lasting" data-notice="silent">
    ${t("noticeSilent", { span: formatSpan(Date.now() - heardAt) })}</p>`;
}

/** @param {{row: import("../history.js").PageRow}} props */
function Passed({ row }) {
  const { title, text } = eventWords({ ...row, key: 0 });
  return html`
    <p class="notice" data-notice=${row.kind}>
      <strong>${title}.</strong> ${text}
      <button type="button" class="plain" onClick=${dismissNotice}>${t("noticeHide")}</button>
    </p>
  `;
}
