// Code in colours, by highlight.js.
import hljs from "../vendor/highlight/core.js";
import cpp from "../vendor/highlight/cpp.js";
import csharp from "../vendor/highlight/csharp.js";
import go from "../vendor/highlight/go.js";
import java from "../vendor/highlight/java.js";
import javascript from "../vendor/highlight/javascript.js";
import python from "../vendor/highlight/python.js";
import ruby from "../vendor/highlight/ruby.js";
import rust from "../vendor/highlight/rust.js";
import typescript from "../vendor/highlight/typescript.js";
import xml from "../vendor/highlight/xml.js";

const GRAMMARS = { cpp, csharp, go, java, javascript, python, ruby, rust, typescript, xml };
for (const [name, grammar] of Object.entries(GRAMMARS)) hljs.registerLanguage(name, grammar);

/** @type {Record<string, keyof typeof GRAMMARS>} by the end of a file's name */
const BY_ENDING = {
  cpp: "cpp", cs: "csharp", go: "go", html: "xml", java: "java", js: "javascript", mjs: "javascript", py: "python",
  rb: "ruby", rs: "rust", ts: "typescript",
};

/**
 * @param {string} code
 * @param {string} fileName tells the language
 * @returns {string | null} HTML that is safe to show, or null for a language that is not known
 */
export function highlight(code, fileName) {
  const language = BY_ENDING[fileName.split(".").at(-1) ?? ""];
  return language ? hljs.highlight(code, { language, ignoreIllegals: true }).value : null;
}
