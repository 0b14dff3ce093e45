// A row of a table opens its page by a click or by Enter, never by the focus that the Tab key brings. A selected row
// has its link below the table, in a container of the class `st-key-open_…` beside the table's own `st-key-rows_…`.
(() => {
  if (window.rowsOpen) return;
  window.rowsOpen = true;
  const HEADER = 36, PATIENCE = 5000, SAME = 900;
  const frameOf = (target) => target instanceof Element ? target.closest('[class*="st-key-rows_"]') : null;
  const linkOf = (frame) => {
    const key = [...frame.classList].find((name) => name.startsWith("st-key-rows_")).slice("st-key-rows_".length);
    return frame.ownerDocument.querySelector(`.st-key-open_${CSS.escape(key)} a`);
  };
  let start = null, turn = 0;
  window.addEventListener("pointerdown", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const grid = target?.closest('[data-testid="stDataFrame"]'), frame = grid && frameOf(grid);
    const inside = frame && !target.closest('[data-testid="stElementToolbar"]') && event.button === 0;
    start = inside && event.clientY - grid.getBoundingClientRect().top > HEADER
      ? { x: event.clientX, y: event.clientY, frame, before: linkOf(frame)?.href } : null;
  }, { capture: true, passive: true });
  window.addEventListener("pointerup", (event) => {
    if (!start || Math.hypot(event.clientX - start.x, event.clientY - start.y) > 5) return;
    const { frame, before } = start, began = performance.now(), mine = ++turn;
    start = null;
    const look = () => {
      if (mine !== turn || !frame.isConnected) return;
      const link = linkOf(frame), waited = performance.now() - began;
      if (link && (link.href !== before || waited > SAME)) link.click();
      else if (waited < PATIENCE) window.setTimeout(look, 40);
    };
    look();
  }, { capture: true, passive: true });
  window.addEventListener("keydown", (event) => {
    turn += 1;
    const frame = event.key === "Enter" && event.target instanceof Element
      && event.target.closest('[data-testid="stDataFrame"]') && frameOf(event.target);
    if (frame) linkOf(frame)?.click();
  }, { capture: true, passive: true });
})();
