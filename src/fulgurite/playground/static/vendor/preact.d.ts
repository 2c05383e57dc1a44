// What the page uses of preact 11.2.0, no more.
export interface VNode {
  type: unknown;
  props: object;
  key: unknown;
}
export type Child = VNode | string | number | boolean | null | undefined | Child[];
export interface Ref<T> {
  current: T | null;
}
export function h(type: unknown, props: object | null, ...children: Child[]): VNode;
export function render(tree: Child, parent: Element): void;
export const options: {
  debounceRendering?: (process: () => void) => void;
  vnode?: (vnode: { type: unknown; props: Record<string, unknown>; key: unknown }) => void;
};
