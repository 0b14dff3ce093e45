// What a person zoomed into stands in the address (`zoom=FIGURE~x0,x1,y0,y1`), so that a figure that is drawn anew
// while a study runs keeps it, and so does a copied address.
(() => {
  if (window.zoomStays) return;
  window.zoomStays = true;
  const written = (value) => typeof value === "number" ? String(+value.toPrecision(8)) : String(value);
  const attach = (plot) => {
    if (plot.zoomStays || !plot.on) return;
    plot.zoomStays = true;
    plot.on("plotly_relayout", (change) => {
      const keys = Object.keys(change), address = new URL(window.location.href);
      const holder = plot.closest('[class*="st-key-"]'), layout = plot.layout || {};
      const name = holder && [...holder.classList].find((word) => word.startsWith("st-key-"))?.slice(7);
      const ranges = [layout.xaxis?.range, layout.yaxis?.range];
      if (keys.some((key) => key.endsWith(".autorange"))) address.searchParams.delete("zoom");
      else if (name && keys.some((key) => key.includes("axis.range")) && ranges.every((range) => range?.length === 2)) {
        address.searchParams.set("zoom", `${name}~${ranges.flat().map(written).join(",")}`);
      } else return;
      window.history.replaceState(window.history.state, "", address);
    });
  };
  new MutationObserver(() => document.querySelectorAll(".js-plotly-plot").forEach(attach))
    .observe(document.body, { childList: true, subtree: true });
})();
