// What a person zoomed into stands in the address (`zoom=FIGURE~x0,x1,y0,y1`). Streamlit makes a figure anew whenever its
// data changes, as it does while a study runs: the new figure is then shown at the same place, and so is the figure of
// a copied address. Which traces are hidden by the legend, and the zoom of further panels, are kept while the page is
// open. Plotly itself is not within reach here, but the React component that draws the figure is.
(() => {
  if (window.zoomStays) return;
  window.zoomStays = true;
  const titles = {}, hidden = {}, panels = {};
  const written = (value) => typeof value === "number" ? String(+value.toPrecision(8)) : String(value);
  const read = (text) => Number.isNaN(Number(text)) ? text : Number(text);
  const nameOf = (plot) => {
    const holder = plot.closest('[class*="st-key-"]');
    return holder && [...holder.classList].find((word) => word.startsWith("st-key-")).slice("st-key-".length);
  };
  const titleOf = (layout) => [layout.xaxis, layout.yaxis].map((axis) => axis?.title?.text ?? "").join("~");
  const write = (value) => {
    const address = new URL(window.location.href);
    if (value) address.searchParams.set("zoom", value); else address.searchParams.delete("zoom");
    window.history.replaceState(window.history.state, "", address);
  };
  const drawer = (plot) => {
    let fiber = plot[Object.keys(plot).find((key) => key.startsWith("__reactFiber$"))];
    while (fiber && !(fiber.memoizedProps?.onUpdate && fiber.memoizedProps?.layout)) fiber = fiber.return;
    return fiber?.memoizedProps;
  };
  const called = (trace) => trace.name ?? trace.legendgroup;
  const restoreRest = (plot) => {
    const name = nameOf(plot), props = drawer(plot);
    if (!props || !(hidden[name]?.size || Object.keys(panels[name] ?? {}).length)) return;
    const data = props.data.map((trace) => hidden[name]?.has(called(trace)) ? { ...trace, visible: "legendonly" } : trace);
    const layout = { ...props.layout };
    for (const [axis, range] of Object.entries(panels[name] ?? {}))
      if (layout[axis]) layout[axis] = { ...layout[axis], range, autorange: false };
    props.onUpdate({ data, layout, frames: props.frames });
  };
  const restore = (plot) => {
    const [name, numbers] = (new URL(window.location.href).searchParams.get("zoom") ?? "").split("~");
    if (!numbers || name !== nameOf(plot)) return;
    const props = drawer(plot), ends = numbers.split(",").map(read);
    if (!props || ends.length !== 4) return;
    if ((titles[name] ??= titleOf(props.layout)) !== titleOf(props.layout)) return write("");
    const axis = (key, range) => ({ ...props.layout[key], range, autorange: false });
    const layout = { ...props.layout, xaxis: axis("xaxis", ends.slice(0, 2)), yaxis: axis("yaxis", ends.slice(2)) };
    props.onUpdate({ data: props.data, layout, frames: props.frames });
  };
  const attach = (plot) => {
    if (plot.zoomStays || !plot.on) return;
    plot.zoomStays = true;
    plot.on("plotly_restyle", ([change]) => {
      if (!("visible" in change)) return;
      hidden[nameOf(plot)] = new Set(plot.data.filter((trace) => trace.visible === "legendonly").map(called));
    });
    plot.on("plotly_relayout", (change) => {
      const keys = Object.keys(change), name = nameOf(plot), layout = plot.layout ?? {};
      for (const axis of new Set(keys.map((key) => /^[xy]axis\d+/.exec(key)?.[0]).filter(Boolean)))
        if (change[`${axis}.autorange`]) delete panels[name]?.[axis];
        else if (layout[axis]?.range) (panels[name] ??= {})[axis] = [...layout[axis].range];
      const ranges = [layout.xaxis?.range, layout.yaxis?.range];
      if (keys.some((key) => key.endsWith(".autorange"))) write("");
      else if (name && keys.some((key) => key.includes("axis.range")) && ranges.every((range) => range?.length === 2)) {
        titles[name] = titleOf(layout);
        write(`${name}~${ranges.flat().map(written).join(",")}`);
      }
    });
    window.setTimeout(() => {
      if (plot.isConnected) restore(plot);
      window.setTimeout(() => plot.isConnected && restoreRest(plot), 0);
    }, 0);
  };
  new MutationObserver(() => document.querySelectorAll(".js-plotly-plot").forEach(attach))
    .observe(document.body, { childList: true, subtree: true });
})();
