// What a person chooses, on the front or in the table, becomes the page's address. The app shows what the address
// names, and writes neither: so what it selects itself can never be taken for a choice.
(function () {
  "use strict";
  const LONGEST_QUERY = 2000, LARGEST_NUMBER = 1e9; // also in dashboards/address.py and dashboards/selection.py
  // The grid also reports rows that the app selects, under other sources.
  const BY_HAND = new Set(["rowClicked", "spaceKey"]);

  function choose(trial) {
    if (Number.isInteger(trial)) {
      const parameters = new URLSearchParams(window.location.search); // the filters stay
      parameters.set("trial", trial);
      window.dash_clientside.set_props("url", { search: `?${parameters}` });
    }
  }

  function chooseRow({ source, node }) {
    if (BY_HAND.has(source) && node.isSelected()) {
      choose(node.data.number);
    }
  }

  // The Dash component asks a moment after a selection what is selected, also of a grid that the next page has removed
  // meanwhile, which AG Grid would complain of in the console.
  function forgetSelection({ api }) {
    api.getSelectedRows = () => [];
  }

  function choosePoint(click) {
    if (click) {
      choose(click.points[0]?.customdata);
    }
  }

  // Returns the selected trial, the rows that the table selects and where it scrolls. The address says which trial, or
  // the server (in `filled`) where it names none that can be one; null, and no row, where the server has none either.
  function select(search, filled, rows, current) {
    const unchanged = window.dash_clientside.no_update;
    const given = new URLSearchParams((search || "").length <= LONGEST_QUERY ? search || "" : "").getAll("trial");
    const isNumber = given.length === 1 && /^[0-9]{1,10}$/.test(given[0]) && Number(given[0]) <= LARGEST_NUMBER;
    const number = isNumber ? Number(given[0]) : filled?.default;
    if (!filled || number === (current ?? null)) { // the table can select no row that it does not have yet
      return [unchanged, unchanged, unchanged];
    }
    if (!rows.some(row => row.number === number)) {
      return [number, [], unchanged];
    }
    // Any position but top, middle and bottom means to the grid: no further than it must; none, to Dash's, means top.
    return [number, { ids: [String(number)] }, { rowId: String(number), rowPosition: "auto" }];
  }

  // The ring round the selected trial's point is moved here: drawing all points again, or asking the server, takes longer.
  let selected = null;

  function findPoint(plot) {
    const grid = window.dash_ag_grid?.getApi("trials");
    const row = grid && !grid.isDestroyed() ? grid.getRowNode(String(selected))?.data : undefined;
    if (row) { // also where so many trials are dominated that not all of them are drawn
      const [x, y] = (plot.layout.meta?.axes ?? ["latency", "accuracy"]).map(field => row[field]);
      return Number.isFinite(x) && Number.isFinite(y) ? [x, y] : [];
    }
    for (const trace of plot.data) {
      const index = (trace.customdata || []).indexOf(selected);
      if (index >= 0) {
        return [trace.x[index], trace.y[index]];
      }
    }
    return [];
  }

  function placeRing(plot) {
    const ring = plot.data?.[0];
    if (ring?.name === "selected") {
      const [x, y] = findPoint(plot);
      if (ring.x[0] !== x || ring.y[0] !== y) {
        window.frontPoints.place(plot, 0, x, y);
      }
    }
  }

  function moveRing(selection) {
    selected = selection;
    const plot = document.querySelector("#front .js-plotly-plot");
    if (!plot?.on) { // not drawn yet
      if (document.getElementById("front")) {
        window.setTimeout(() => moveRing(selected), 50);
      }
      return;
    }
    if (!plot.hasRing) {
      plot.hasRing = true;
      plot.on("plotly_afterplot", () => placeRing(plot));
    }
    placeRing(plot);
  }

  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, { chooseRow, forgetSelection });
  window.dash_clientside = Object.assign(window.dash_clientside || {}, { choice: { choosePoint, select, moveRing } });
})();
