// One step back for one thing that a person did. Streamlit adds a step to the browser's history for every parameter
// that a page writes into its address, and one more when a page is opened by a click; Back would then stop at
// addresses that nobody chose. Only the first new address after a click or a key becomes a step, others replace it.
(() => {
  if (window.oneStepBack) return;
  window.oneStepBack = true;
  let acted = false;
  for (const kind of ["pointerdown", "keydown"]) {
    window.addEventListener(kind, () => { acted = true; }, { capture: true, passive: true });
  }
  const push = window.history.pushState.bind(window.history);
  window.history.pushState = (state, unused, address) => {
    if (!acted) return window.history.replaceState(state, unused, address);
    acted = false;
    return push(state, unused, address);
  };
})();
