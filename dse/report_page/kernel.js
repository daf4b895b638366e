// Draws the figures that the page carries as JSON, in the system's colour scheme, and moves along the timeline.
(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const position = document.getElementById("position");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function legendItem({ label, meaning, colour }) {
    const item = document.createElement("li");
    const swatch = document.createElement("span");
    item.title = meaning;
    swatch.className = "swatch";
    swatch.style.background = colour;
    item.append(swatch, label);
    return item;
  }

  function ranges() {
    const top = Number(position.value);
    return { "yaxis.range": [top + data.rows - 0.5, top - 0.5], "xaxis.range": [...data.cycles[top]] };
  }

  function draw() {
    const figures = dark.matches ? data.dark : data.light;
    for (const name of ["ports", "stalls", "timeline"]) {
      const { data: traces, layout } = structuredClone(figures[name]);
      const config = name === "timeline" ? data.config : { ...data.config, displayModeBar: false };
      Plotly.react(name, traces, layout, config);
    }
    move();
  }

  function move() {
    if (data.cycles.length > 0) {
      Plotly.relayout("timeline", ranges());
    }
  }

  // The listing begins with code that runs once: open it where the cycles are.
  function showHottest() {
    const listing = document.querySelector(".listing");
    const row = listing.querySelector("tr.hottest");
    if (row) {
      listing.scrollTop = row.offsetTop - listing.clientHeight / 3;
    }
  }

  for (const [id, entries] of Object.entries(data.legends)) {
    document.getElementById(id).replaceChildren(...entries.map(legendItem));
  }
  draw();
  showHottest();
  position.addEventListener("input", move);
  dark.addEventListener("change", draw);
})();
