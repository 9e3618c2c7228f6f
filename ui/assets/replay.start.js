// A file of its own: the pages' content security policy allows no inline script.
import init from "./replay.js";

init({ module_or_path: new URL("./replay_bg.wasm", import.meta.url) }).catch((error) => {
  console.error(error);
  const boot = document.getElementById("boot");
  if (boot) {
    boot.textContent = "This page could not start. Reload it, or use a newer browser. 页面无法启动，请刷新或换用较新的浏览器。";
  }
});
