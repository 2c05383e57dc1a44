// What the page uses of htm 3.1.1, no more.
import type { Child, VNode } from "./preact.js";

interface Htm {
  bind(
    h: (type: unknown, props: object | null, ...children: Child[]) => VNode,
  ): (strings: TemplateStringsArray, ...values: unknown[]) => VNode;
}
declare const htm: Htm;
export default htm;
