// The button "Copy link" copies the address of what is shown, zoom included, below the public address where the server
// has one. A page that came by plain http from another machine may not use the clipboard's own way: the older one is
// tried then, and at last the address is shown to be copied by hand.
(() => {
  if (window.linkCopies) return;
  window.linkCopies = true;
  const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"], PATIENCE = 2500;
  const addressOf = (base) => {
    if (!base) return window.location.href;
    const page = window.location.pathname.split("/").pop();
    return `${base.replace(/\/+$/, "")}/${page}${window.location.search}`;
  };
  const byHand = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return byHand(text);
    }
  };
  document.addEventListener("click", async (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-link-below]") : null;
    if (!button) return;
    const address = addressOf(button.dataset.linkBelow), words = button.dataset.words ??= button.textContent;
    if (!await copy(address)) return void window.prompt("Copy this address:", address);
    const here = LOOPBACK.includes(new URL(address).hostname);
    button.textContent = here ? "Copied: opens only on this machine" : "Copied";
    window.setTimeout(() => { button.textContent = words; }, PATIENCE);
  });
})();
