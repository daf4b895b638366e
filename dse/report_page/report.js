// Draws the figures that the page carries as JSON, in the system's colour scheme, and keeps the chosen design in the hash.
(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const front = document.getElementById("front");
  const layers = document.getElementById("layers");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function selected() {
    const number = /^#trial-(\d+)$/.exec(window.location.hash)?.[1];
    return number in data.points ? number : data.first;
  }

  function legendItem({ label, meaning, colour }) {
    const item = document.createElement("li");
    const swatch = document.createElement("span");
    item.title = meaning;
    swatch.className = colour === null ? "swatch line" : "swatch";
    if (colour !== null) {
      swatch.style.background = colour;
    }
    item.append(swatch, label);
    return item;
  }

  function draw() {
    const number = selected();
    const figures = dark.matches ? data.dark : data.light;
    const ring = figures.front.data[data.ring];
    [ring.x, ring.y] = number === null ? [[], []] : data.points[number].map((value) => [value]);
    Plotly.react(front, structuredClone(figures.front.data), structuredClone(figures.front.layout), data.config);
    const volume = structuredClone(figures.hypervolume);
    Plotly.react("hypervolume", volume.data, volume.layout, { ...data.config, displayModeBar: false });
    document.querySelectorAll("tbody tr").forEach((row) => row.classList.toggle("selected", row.id === `row-${number}`));
    if (number !== null) {
      const figure = structuredClone(figures.layers[number]);
      document.getElementById("layers-title").textContent = data.titles[number];
      document.getElementById("legend").replaceChildren(...data.legends[number].map(legendItem));
      Plotly.react(layers, figure.data, figure.layout, { ...data.config, displayModeBar: false });
    }
  }

  draw();
  front.on("plotly_click", (event) => {
    if (event.points[0].customdata in data.points) {
      window.location.hash = `trial-${event.points[0].customdata}`;
    }
  });
  window.addEventListener("hashchange", draw);
  dark.addEventListener("change", draw);
})();
