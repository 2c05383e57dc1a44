/** A grammar; opaque to the page. */
export type Grammar = object;

declare const hljs: {
  registerLanguage(name: string, grammar: Grammar): void;
  /** The code as HTML, escaped, its tokens in spans with class names. */
  highlight(code: string, options: { language: string; ignoreIllegals?: boolean }): { value: string };
};
export default hljs;
