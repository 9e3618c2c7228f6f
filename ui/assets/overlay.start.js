// A file of its own: the pages' content security policy allows no inline script.
import init from "./overlay.js";

// Nothing is shown where it fails: what is here lies over somebody's picture.
init({ module_or_path: new URL("./overlay_bg.wasm", import.meta.url) }).catch(console.error);
