// Input of text fields, typed or pasted: nothing of it is dropped, or hides in it, without a word.
import { signal } from "../vendor/signals.js";
import { visible } from "./visible.js";

/** The fate of the latest input, where it was not taken as it came: too long, so refused whole, or written out.
 * @type {import("../vendor/signals.js").Signal<{kind: "fieldFull", count: number, limit: number} | {kind: "fieldUnseen"}
 *   | null>} */
export const remark = signal(null);

/** Watch the fields of all views. */
export function watch() {
  // A field with a `maxlength` would take the beginning of a long text, and not say so.
  document.addEventListener("beforeinput", (event) => {
    const field = event.target;
    if (!isText(field)) return;
    const added = event.data ?? event.dataTransfer?.getData("text/plain") ?? "";
    const kept = field.value.length - ((field.selectionEnd ?? 0) - (field.selectionStart ?? 0));
    const isFull = added !== "" && field.maxLength >= 0 && kept + added.length > field.maxLength;
    remark.value = isFull ? { kind: "fieldFull", count: kept + added.length, limit: field.maxLength } : null;
    if (isFull && event.cancelable) event.preventDefault();
  });
  // Before any reader of the field, so that it reads the visible text. A secret stays as it is.
  document.addEventListener("input", ({ target: field }) => {
    if (!isText(field) || field.type === "password") return;
    const shown = visible(field.value);
    if (shown === field.value) return;
    field.value = shown;
    remark.value = { kind: "fieldUnseen" };
  }, { capture: true });
}

export const dismissRemark = () => { remark.value = null; };

/** Bind a field to a signal. @param {import("../vendor/signals.js").Signal<any>} target @returns {(event: Event) => void} */
export const writes = (target) => ({ currentTarget: field }) => {
  if (isText(field) || field instanceof HTMLSelectElement) target.value = field.value;
};

/** @param {EventTarget | null} target @returns {target is HTMLInputElement | HTMLTextAreaElement} */
function isText(target) {
  return target instanceof HTMLTextAreaElement
    || (target instanceof HTMLInputElement && ["text", "password"].includes(target.type));
}
