declare const grammar: import("./core.js").Grammar;
export default grammar;
