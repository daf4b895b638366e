// The kernel page: a form becomes the address, the listing is coloured, and the timeline moves without the server.
(function () {
  "use strict";
  const BASE = ["trial", "layer", "variant", "shape", "core"];
  const noUpdate = () => window.dash_clientside.no_update;

  function go(parameters) {
    window.dash_clientside.set_props("url", { search: `?${parameters}` });
  }

  function withoutChanges() {
    const old = new URLSearchParams(window.location.search);
    return new URLSearchParams(BASE.filter((name) => old.has(name)).map((name) => [name, old.get(name)]));
  }

  // Another kernel: what was tried on the old one is dropped, what the study changed of the core stays, to be seen.
  function show(_click, _enter, variant, shape, core, base) {
    if (window.dash_clientside.callback_context.triggered.length === 0) {
      return noUpdate();
    }
    if (base && variant === base.variant && shape === base.shape && core === base.core) {
      go(withoutChanges());
      return noUpdate();
    }
    const parameters = new URLSearchParams({ variant: variant || "", shape: shape || "", core: core || "" });
    for (const override of base && core === base.core ? base.overrides : []) {
      parameters.append("override", override);
    }
    go(parameters);
    return noUpdate();
  }

  // The same kernel with another tile, or one field of the core more that is changed.
  function tryChange(_click, _enter, tile, field, value, shownTile) {
    if (window.dash_clientside.callback_context.triggered.length === 0) {
      return noUpdate();
    }
    const old = new URLSearchParams(window.location.search);
    const parameters = withoutChanges();
    if (tile && tile !== shownTile) {
      parameters.set("tile", tile);
    }
    for (const override of old.getAll("override")) {
      if (override.split("=")[0] !== field || value === "" || value == null) {
        parameters.append("override", override);
      }
    }
    if (field && value !== "" && value != null) {
      parameters.append("override", `${field}=${value}`);
    }
    go(parameters);
    return noUpdate();
  }

  // Shows `rows` instructions from `top` on, and the cycles in which they are in the pipeline.
  function moveTimeline(top, rows, cycles, id) {
    const plot = document.getElementById(JSON.stringify(id, Object.keys(id).sort()))?.querySelector(".js-plotly-plot");
    if (plot && cycles.length > 0) {
      const first = Math.max(0, Math.min(Number(top), cycles.length - Number(rows)));
      const last = Math.min(first + Number(rows), cycles.length) - 1;
      const shown = cycles.slice(first, last + 1);
      const from = Math.min(...shown.map(([start]) => start)) - 1, to = Math.max(...shown.map(([, end]) => end)) + 1;
      window.Plotly.relayout(plot, { "yaxis.range": [first + Number(rows) - 0.5, first - 0.5], "xaxis.range": [from, to] });
    }
    return noUpdate();
  }

  function heatCell({ data, colDef }) {
    const style = { background: `color-mix(in srgb, var(--mantine-color-orange-6) ${data.heat * 0.5}%, transparent)` };
    if (colDef.field === "source" || colDef.field === "code") {
      style.fontFamily = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace";
      style.fontSize = "12px";
    }
    return style;
  }

  function StallBar({ value, data }) {
    const make = window.React.createElement;
    const parts = data.families.map(([colour, share]) =>
      make("span", { key: colour, style: { background: colour, width: `${share}%` } }));
    return make("div", { className: "stall-cell" }, make("span", { className: "stall-bar" }, ...parts), value);
  }

  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, { heatCell });
  window.dashAgGridComponentFunctions = Object.assign(window.dashAgGridComponentFunctions || {}, { StallBar });
  window.dash_clientside = Object.assign(window.dash_clientside || {}, {
    kernel: { show, tryChange, moveTimeline },
  });
})();
