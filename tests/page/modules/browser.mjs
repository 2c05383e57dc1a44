// The names of a browser that the page's pure modules ask for as they are loaded.
Object.assign(globalThis, { isSecureContext: true });
if (!("navigator" in globalThis)) Object.assign(globalThis, { navigator: { language: "en-US" } });
