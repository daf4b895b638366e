// The explorer of a study: filters, parallel coordinates and slices, drawn here because they must keep up with the
// pointer at thousands of trials. One set of filters, held by the address, decides what every view shows; the rows of
// the table are the data. The server neither reads nor needs the filters.
(function () {
  "use strict";
  const OBJECTIVES = [["latency", "Latency (ms)"], ["accuracy", "Accuracy (%)"]];
  const CATEGORIES = [
    ["state", "State"], ["accumulator", "Bits"], ["overflow", "Overflow"], ["clip", "Clip"], ["maps", "Maps"],
    ["width", "Width"], ["network", "Network"], ["tile", "Tile"],
  ];
  const MOST_CATEGORIES = 24; // of more a filter and an axis would be unreadable
  const COLOURED = "accumulator";
  const RAMP = ["#4c5fe0", "#0f97c4", "#159a6c", "#a8960c", "#e8761a", "#d6336c"]; // also in dse/chart_theme.py
  const FILTER = "f", HEADER_FILTER = "h", HIDDEN = "hide", SEPARATOR = "~", RANGE = "..";
  const OPEN = { low: -Infinity, high: Infinity }; // of a range: the bounds that nobody set
  const MOST_FILTERS = 20;
  const LONGEST_TOLD = 60;
  const DIGITS = 6; // of a bound that is drawn or proposed; one that is typed stays as it is
  const AXIS = { top: 26, bottom: 22, side: 56, height: 270, grab: 26 };
  const SLICE = { height: 150, left: 44, bottom: 20, top: 8, right: 6 };
  const LINES_A_STROKE = 40;
  const MOST_DRAWN = 2500; // of more trials every n-th is drawn, so that a filter answers within a fifth of a second

  function sample(all) {
    const step = Math.ceil(all.length / MOST_DRAWN);
    return step > 1 ? all.filter((_, index) => index % step === 0) : all;
  }

  let rows = [], columns = [], definitions = [], colours = [], brush = null, parallelPlaces = [];
  let isPassing = [], passing = new Set(); // for every row, and by the numbers of trials
  let filters = new Map(), headerFilters = [], unread = [];

  // Data

  const labelOf = (field, value) => {
    if (value === null || value === undefined) {
      return null;
    }
    return field === "state" ? String(value).replace(/ \*$/, "") : String(value);
  };

  function compare(one, other) {
    const [a, b] = [Number(one), Number(other)];
    return Number.isFinite(a) && Number.isFinite(b) ? a - b : one < other ? -1 : one > other ? 1 : 0;
  }

  // Of a column: `shares` says for every row where it lies between the ends of its axis, NaN where it has no value.

  function numeric(field, label) {
    const values = Float64Array.from(rows, row => Number.isFinite(row[field]) ? row[field] : NaN);
    const known = values.filter(value => !Number.isNaN(value));
    const low = known.reduce((least, value) => Math.min(least, value), Infinity);
    const high = known.reduce((most, value) => Math.max(most, value), -Infinity);
    const span = high - low || 1;
    return { field, label, low, high, isNumeric: true, shares: values.map(value => (value - low) / span), value: share => low + share * span };
  }

  function category(field, label) {
    const labels = rows.map(row => labelOf(field, row[field]));
    const values = [...new Set(labels)].filter(value => value !== null).sort(compare);
    const places = new Map(values.map((value, index) => [value, (index + 0.5) / values.length]));
    return { field, label, values, labels, isNumeric: false, shares: Float64Array.from(labels, text => places.get(text) ?? NaN), placeOf: value => places.get(value) };
  }

  const having = wanted => rows.flatMap((_, index) => wanted.every(({ shares }) => !Number.isNaN(shares[index])) ? [index] : []);

  // What the table has of numbers besides: further objectives and what is constrained.
  function furtherMeasures() {
    const known = new Set(["number", "error", ...OBJECTIVES.map(([field]) => field), ...CATEGORIES.map(([field]) => field)]);
    return definitions.filter(({ type, field }) => type === "rightAligned" && !known.has(field))
      .map(({ field, headerName }) => [field, headerName]);
  }

  // The column that shows the values of another one too, which is of the CSV alone.
  const shownIn = definition => definition.context?.shownIn;

  function readRows(data, columnDefs) {
    [rows, definitions] = [data || [], (columnDefs || []).filter(one => !shownIn(one))];
    columns = [
      ...CATEGORIES.map(([field, label]) => category(field, label))
        .filter(({ values }) => values.length > 1 && values.length <= MOST_CATEGORIES),
      ...[...OBJECTIVES, ...furtherMeasures()].map(([field, label]) => numeric(field, label)).filter(({ low }) => low < Infinity),
    ];
    colours = colourOf();
    faint.clear();
  }

  // Filters and the address

  function readFilters(search) {
    const parameters = new URLSearchParams(search);
    [filters, headerFilters, unread] = [new Map(), [], []];
    for (const text of parameters.getAll(FILTER).slice(0, MOST_FILTERS)) {
      const [field, ...given] = text.split(SEPARATOR);
      const column = columns.find(one => one.field === field);
      const filter = column?.isNumeric ? readRange(given[0] || "") : column ? readValues(column, given) : null;
      filter ? filters.set(field, filter) : unread.push(`${FILTER}=${text}`);
    }
    for (const text of parameters.getAll(HEADER_FILTER).slice(0, MOST_FILTERS)) {
      const filter = window.headerFilters.read(text, definitions);
      filter ? headerFilters.push({ ...filter, text }) : unread.push(`${HEADER_FILTER}=${text}`);
    }
  }

  // A bound that is left out is open, so that it hides no trial, nor one that a study adds later. Bounds that contradict
  // each other stay, and no trial passes: whoever typed them sees both and can correct one.
  function readRange(text) {
    const bounds = text.split(RANGE).map(one => one.trim());
    if (bounds.length !== 2 || !bounds.every(one => Number.isFinite(Number(one)))) {
      return null;
    }
    const [low, high] = bounds.map((one, index) => one === "" ? [OPEN.low, OPEN.high][index] : Number(one));
    return isBounded({ low, high }) ? { low, high } : null;
  }

  const isBounded = ({ low, high }) => low > OPEN.low || high < OPEN.high;
  const writeBound = bound => Number.isFinite(bound) ? String(bound) : "";

  function readValues(column, given) {
    const values = new Set(given.filter(value => column.values.includes(value)));
    return values.size > 0 ? { values } : null;
  }

  function writeAddress(change) {
    const parameters = new URLSearchParams(window.location.search);
    change(parameters);
    const text = parameters.toString();
    window.dash_clientside.set_props("url", { search: text ? `?${text}` : "" });
  }

  function setFilters(changed) {
    const wanted = new Map(filters);
    for (const [field, filter] of changed) {
      filter ? wanted.set(field, filter) : wanted.delete(field);
    }
    writeAddress(parameters => {
      parameters.delete(FILTER);
      for (const [field, { values, low, high }] of wanted) {
        const text = values ? [...values].join(SEPARATOR) : `${writeBound(low)}${RANGE}${writeBound(high)}`;
        parameters.append(FILTER, `${field}${SEPARATOR}${text}`);
      }
    });
  }

  function clearFilters() {
    writeAddress(parameters => {
      parameters.delete(FILTER);
      parameters.delete(HEADER_FILTER);
    });
  }

  function setHeaderFilters(texts) {
    writeAddress(parameters => {
      parameters.delete(HEADER_FILTER);
      texts.forEach(text => parameters.append(HEADER_FILTER, text));
    });
  }

  let askedFor = "";

  // Called for every change of the table's own filters: those that the address asked for come from "api".
  function filterByHeader({ api, source }) {
    if (source === "columnFilter") {
      askedFor = written(api.getFilterModel()).sort().join();
      setHeaderFilters(written(api.getFilterModel()));
    }
  }

  const written = models => Object.entries(models).map(([field, model]) => window.headerFilters.write(field, model));

  const brief = number => Number(number.toPrecision(3)).toString();
  const short = number => Number(number.toPrecision(DIGITS)).toString();

  // Returns the nearest short number that is no greater (`way` -1) or no less (1): no trial that lies at the bound is lost.
  function roundOutwards(number, way) {
    const near = Number(number.toPrecision(DIGITS));
    const unit = 10 ** (Math.floor(Math.log10(Math.abs(number))) + 1 - DIGITS);
    return (near - number) * way >= 0 ? near : Number((near + way * unit).toPrecision(DIGITS));
  }

  const drawnRange = (low, high) => ({ low: roundOutwards(low, -1), high: roundOutwards(high, 1) });

  function applyFilters() {
    const tests = [...filters].map(([field, { values, low, high }]) => {
      const { labels } = columns.find(column => column.field === field);
      // A trial without a value is in no range, though to JavaScript null is as good as 0.
      const isBetween = value => Number.isFinite(value) && value >= low && value <= high;
      return values ? (_, index) => values.has(labels[index]) : row => isBetween(row[field]);
    });
    tests.push(...headerFilters.map(({ field, passes }) => row => passes(row[field])));
    isPassing = rows.map((row, index) => tests.every(test => test(row, index)));
    passing = new Set(rows.flatMap(({ number }, index) => isPassing[index] ? [number] : []));
  }

  // Controls

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      key.startsWith("on") ? made.addEventListener(key.slice(2), value) : made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  // Whether a bound is being typed that is no filter yet.
  function isTypedIn(place) {
    const focused = document.activeElement;
    return place.contains(focused) && focused.type === "number" && focused.value !== focused.defaultValue;
  }

  function drawControls() {
    const place = document.getElementById("explore-filters");
    const focused = document.activeElement?.closest("#explore-filters") ? document.activeElement.dataset.key : null;
    const isOpen = place.querySelector("details")?.open;
    const shown = rows.length === passing.size ? `All ${rows.length.toLocaleString("en")} trials`
      : `${passing.size.toLocaleString("en")} of ${rows.length.toLocaleString("en")} trials`;
    if (isTypedIn(place)) { // a study that goes on must not take the text away
      place.querySelector(".explore-count").textContent = shown;
      return;
    }
    place.replaceChildren(
      element("div", { class: "explore-head" },
        element("span", { class: "explore-count", role: "status" }, shown),
        element("button", { type: "button", "data-key": "clear", onclick: clearFilters }, "Clear filters"),
        element("button", { type: "button", "data-key": "csv", onclick: downloadCsv }, "Download CSV"),
        columnChoice(isOpen)),
      ...problem(),
      element("div", { class: "explore-groups" }, ...columns.map(column => column.isNumeric ? rangeGroup(column) : valueGroup(column)), ...headerGroup()),
    );
    if (focused) {
      [...place.querySelectorAll("[data-key]")].find(one => one.dataset.key === focused)?.focus();
    }
  }

  function problem() {
    if (unread.length === 0 || rows.length === 0) {
      return [];
    }
    const told = unread[0].length > LONGEST_TOLD ? `${unread[0].slice(0, LONGEST_TOLD)}…` : unread[0];
    const others = unread.length > 1 ? ` and ${unread.length - 1} more` : "";
    return [element("p", { class: "explore-problem", role: "alert" }, `Left out of the address, as this table has no such filter: ${told}${others}`)];
  }

  function headerGroup() {
    if (headerFilters.length === 0) {
      return [];
    }
    const texts = headerFilters.map(({ text }) => text);
    const buttons = headerFilters.map(({ field, title }, index) => element("button", {
      type: "button", "aria-pressed": "true", title: "Stop filtering", "data-key": `header ${field}`, onclick: () => setHeaderFilters(texts.toSpliced(index, 1)),
    }, title));
    return [element("div", { class: "explore-group", role: "group", "aria-label": "Table" }, element("span", {}, "Table"), ...buttons)];
  }

  function valueGroup({ field, label, values }) {
    const chosen = filters.get(field)?.values ?? new Set();
    const toggle = value => () => {
      const wanted = new Set(chosen);
      wanted.delete(value) || wanted.add(value);
      setFilters([[field, wanted.size > 0 && wanted.size < values.length ? { values: wanted } : null]]);
    };
    const buttons = values.map(value => element("button", {
      type: "button", "aria-pressed": String(chosen.has(value)), "data-key": `${field}=${value}`, onclick: toggle(value),
    }, value));
    return element("div", { class: "explore-group", role: "group", "aria-label": label }, element("span", {}, label), ...buttons);
  }

  function rangeGroup({ field, label, low, high }) {
    const shown = filters.get(field) ?? OPEN;
    const input = (end, extreme) => element("input", {
      type: "number", step: "any", value: writeBound(shown[end]), placeholder: short(extreme),
      "aria-label": `${label}, ${end === "low" ? "least" : "most"}`, "data-key": `${field} ${end}`,
      onchange: ({ target }) => {
        target.defaultValue = target.value;
        // The other bound may have come after these fields were drawn: they stay while one is being typed in.
        const given = { ...OPEN, ...filters.get(field), [end]: target.value === "" ? OPEN[end] : Number(target.value) };
        setFilters([[field, isBounded(given) ? given : null]]);
      },
    });
    return element("div", { class: "explore-group", role: "group", "aria-label": label },
      element("span", {}, label), input("low", low), "to", input("high", high));
  }

  // The table: columns, CSV, and the rows that pass

  const grid = () => document.getElementById("trials") && window.dash_ag_grid?.getApi("trials");

  function hiddenColumns() {
    return new Set((new URLSearchParams(window.location.search).get(HIDDEN) || "").split(SEPARATOR).filter(Boolean));
  }

  function columnChoice(isOpen) {
    const hidden = hiddenColumns();
    const toggle = field => () => writeAddress(parameters => {
      const wanted = new Set(hidden);
      wanted.delete(field) || wanted.add(field);
      wanted.size > 0 ? parameters.set(HIDDEN, [...wanted].join(SEPARATOR)) : parameters.delete(HIDDEN);
    });
    const boxes = definitions.filter(({ field }) => field !== "number").map(({ field, headerName }) => {
      const box = element("input", { type: "checkbox", "data-key": `column ${field}`, onchange: toggle(field) });
      box.checked = !hidden.has(field);
      return element("label", {}, box, headerName);
    });
    const details = element("details", {}, element("summary", { "data-key": "columns" }, "Columns"), element("div", { class: "explore-columns" }, ...boxes));
    details.open = Boolean(isOpen);
    return details;
  }

  function downloadCsv() {
    const api = grid();
    const isWritten = column => column.isVisible() || api.getColumn(shownIn(column.getColDef()) ?? "")?.isVisible();
    api?.exportDataAsCsv({ fileName: "trials.csv", columnKeys: api.getColumns().filter(isWritten) });
  }

  function updateTable() {
    const api = grid();
    api ? showInTable({ api }) : window.dash_ag_grid.getApiAsync("trials").then(later => showInTable({ api: later }));
  }

  function showInTable({ api }) {
    if (api.isDestroyed()) {
      return;
    }
    const hidden = hiddenColumns();
    const fields = api.getColumnDefs().filter(one => !shownIn(one)).map(({ field }) => field).filter(field => field !== "number");
    const isShown = new Map(api.getColumns().map(column => [column.getColId(), column.isVisible()]));
    api.setColumnsVisible(fields.filter(field => hidden.has(field) && isShown.get(field)), false);
    api.setColumnsVisible(fields.filter(field => !hidden.has(field) && !isShown.get(field)), true);
    const model = Object.fromEntries(headerFilters.map(filter => [filter.field, filter.model]));
    const wanted = written(model).sort().join();
    const current = written(api.getFilterModel()).sort().join();
    if (wanted !== current || wanted !== askedFor) { // the table takes a moment to do what it was asked for
      askedFor = wanted;
      // Not by the table's own interface: the Dash component would soon set again what its property holds.
      window.dash_clientside.set_props("trials", { filterModel: model });
    }
    if (wanted === current) {
      api.onFilterChanged();
    }
  }

  const filtering = () => filters.size + headerFilters.length > 0;
  const explorePasses = node => passing.has(node.data.number);

  // The front: what does not pass is faint

  const updateFront = plot => window.frontPoints.fade(plot, filtering() ? passing : null);

  function connectFront() {
    const plot = document.querySelector("#front .js-plotly-plot");
    if (!plot?.on) {
      if (document.getElementById("front")) {
        window.setTimeout(connectFront, 60);
      }
      return;
    }
    if (!plot.isExplored) {
      plot.isExplored = true;
      plot.on("plotly_afterplot", () => updateFront(plot));
      plot.on("plotly_selected", selection => {
        if (selection?.range) {
          const [x, y] = [selection.range.x, selection.range.y].map(ends => [...ends].sort((a, b) => a - b));
          const [across, up] = plot.layout.meta?.axes ?? ["latency", "accuracy"];
          setFilters([[across, drawnRange(...x)], [up, drawnRange(...y)]]);
        }
      });
    }
    updateFront(plot);
  }

  // Drawing

  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const ink = () => css("--mantine-color-text") || "#000";
  const muted = () => css("--mantine-color-dimmed") || "#888";

  const roundHalfEven = number => Math.abs(number % 1) === 0.5 ? 2 * Math.round(number / 2) : Math.round(number); // as Python

  // Returns the colour of every row.
  function colourOf() {
    const { values, labels } = columns.find(({ field }) => field === COLOURED) ?? { values: [], labels: [] };
    const step = values.length > 1 ? Math.max((RAMP.length - 1) / (values.length - 1), 1) : 0;
    const ofValue = new Map(values.map((value, index) => [value, RAMP[roundHalfEven(index * step) % RAMP.length]]));
    return rows.map((_, index) => ofValue.get(labels[index]) ?? RAMP[0]);
  }

  // Returns the rows of each colour, so that a canvas changes its colour but seldom.
  const byColour = indices => Map.groupBy(indices, index => colours[index]);

  // What does not pass lies faint below what does; what is below the latter is not seen, so that the faint picture is of
  // all rows, and drawn but once for rows and size.
  const faint = new Map();

  function drawFaint(context, canvas, key, paint) {
    const known = [canvas.width, canvas.height, window.devicePixelRatio, muted()].join();
    if (faint.get(key)?.known !== known) {
      const picture = document.createElement("canvas");
      paint(prepare(picture, parseFloat(canvas.style.width), parseFloat(canvas.style.height)));
      faint.set(key, { known, picture });
    }
    context.drawImage(faint.get(key).picture, 0, 0, parseFloat(canvas.style.width), parseFloat(canvas.style.height));
  }

  function prepare(canvas, width, height) {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = "11px system-ui, sans-serif";
    return context;
  }

  function drawParallel() {
    const place = document.getElementById("explore-parallel");
    let canvas = place.querySelector("canvas");
    if (!canvas) {
      canvas = element("canvas", { role: "img", "aria-label": "Parallel coordinates of all trials; drag along an axis to filter" });
      canvas.addEventListener("pointerdown", beginBrush);
      canvas.addEventListener("pointermove", moveBrush);
      canvas.addEventListener("pointerup", endBrush);
      place.replaceChildren(element("div", { class: "explore-scroll", tabindex: "0", role: "region", "aria-label": "Parallel coordinates" }, canvas));
    }
    const axes = columns.filter(({ field }) => field !== "state");
    const width = Math.max(place.clientWidth, axes.length * 74);
    const context = prepare(canvas, width, AXIS.height);
    const step = axes.length > 1 ? (width - 2 * AXIS.side) / (axes.length - 1) : 0;
    const x = index => AXIS.side + index * step;
    const y = share => AXIS.top + (1 - share) * (AXIS.height - AXIS.top - AXIS.bottom);
    parallelPlaces = axes.map((column, index) => ({ column, x: x(index) }));
    const trace = (pen, lines) => {
      for (let first = 0; first < lines.length; first += LINES_A_STROKE) {
        pen.beginPath();
        for (const row of lines.slice(first, first + LINES_A_STROKE)) {
          axes.forEach(({ shares }, index) => pen[index ? "lineTo" : "moveTo"](x(index), y(shares[row])));
        }
        pen.stroke();
      }
    };
    const complete = having(axes);
    if (filtering()) {
      drawFaint(context, canvas, "parallel", pen => {
        Object.assign(pen, { strokeStyle: muted(), globalAlpha: 0.05 });
        trace(pen, sample(complete));
      });
    }
    const lit = sample(complete.filter(row => isPassing[row]));
    context.globalAlpha = Math.max(0.08, Math.min(0.7, 120 / lit.length));
    for (const [colour, lines] of byColour(lit)) {
      context.strokeStyle = colour;
      trace(context, lines);
    }
    context.globalAlpha = 1;
    axes.forEach((column, index) => drawAxis(context, column, x(index), y, index, axes.length));
  }

  function drawAxis(context, column, x, y) {
    context.strokeStyle = muted();
    context.beginPath();
    context.moveTo(x, y(0));
    context.lineTo(x, y(1));
    context.stroke();
    context.fillStyle = ink();
    context.textAlign = "center";
    context.fillText(column.label, x, 12);
    context.textAlign = "left";
    const filter = filters.get(column.field);
    context.fillStyle = css("--mantine-primary-color-filled") || "#228be6";
    if (filter && column.isNumeric) {
      const [low, high] = [filter.low, filter.high].map(value => Math.max(0, Math.min(1, (value - column.low) / (column.high - column.low || 1))));
      context.globalAlpha = 0.3;
      context.fillRect(x - 5, y(high), 10, Math.max(y(low) - y(high), 2));
      context.globalAlpha = 1;
    }
    const ticks = column.isNumeric ? [[brief(column.low), 0], [brief(column.high), 1]] : column.values.map(value => [value, column.placeOf(value)]);
    for (const [text, share] of ticks) {
      const isChosen = filter?.values?.has(text);
      context.fillStyle = isChosen ? css("--mantine-primary-color-filled") : ink();
      context.fillRect(x - (isChosen ? 4 : 2), y(share) - 1, isChosen ? 8 : 4, 2);
      context.fillText(text.length > 14 ? `${text.slice(0, 13)}…` : text, x + 6, column.isNumeric && share === 0 ? y(0) + 14 : y(share) + 4);
    }
  }

  function shareAt(event) {
    const inner = AXIS.height - AXIS.top - AXIS.bottom;
    return Math.max(0, Math.min(1, 1 - (event.offsetY - AXIS.top) / inner));
  }

  function beginBrush(event) {
    const near = parallelPlaces.find(({ x }) => Math.abs(x - event.offsetX) < AXIS.grab);
    if (near) {
      brush = { column: near.column, from: shareAt(event), to: shareAt(event), y: event.offsetY };
      event.target.setPointerCapture(event.pointerId);
    }
  }

  function moveBrush(event) {
    if (brush) {
      brush.to = shareAt(event);
    }
  }

  function endBrush(event) {
    if (!brush) {
      return;
    }
    const { column, y } = brush;
    const [low, high] = [brush.from, shareAt(event)].sort((a, b) => a - b);
    brush = null;
    if (Math.abs(event.offsetY - y) < 4) {
      setFilters([[column.field, null]]);
    } else if (column.isNumeric) {
      // To the end of an axis means all that is beyond, too: a study that goes on may surpass it.
      const range = drawnRange(...[low, high].map(column.value));
      const given = { low: low > 0 ? range.low : OPEN.low, high: high < 1 ? range.high : OPEN.high };
      setFilters([[column.field, isBounded(given) ? given : null]]);
    } else {
      const values = column.values.filter(value => column.placeOf(value) >= low && column.placeOf(value) <= high);
      setFilters([[column.field, values.length > 0 ? { values: new Set(values) } : null]]);
    }
  }

  function drawSlices() {
    const place = document.getElementById("explore-slices");
    const parameters = columns.filter(({ isNumeric, field }) => !isNumeric && field !== "state");
    const objectives = columns.filter(({ isNumeric }) => isNumeric);
    const wanted = parameters.flatMap(parameter => objectives.map(objective => [parameter, objective]));
    while (place.children.length > wanted.length) {
      place.lastElementChild.remove();
    }
    while (place.children.length < wanted.length) {
      place.append(element("figure", {}, element("figcaption"), element("canvas", { role: "img" })));
    }
    wanted.forEach(([parameter, objective], index) => drawSlice(place.children[index], parameter, objective));
  }

  function drawSlice(figure, parameter, objective) {
    const [caption, canvas] = figure.children;
    caption.textContent = `${objective.label} by ${parameter.label.toLowerCase()}`;
    canvas.setAttribute("aria-label", caption.textContent);
    const width = figure.clientWidth || 200;
    const context = prepare(canvas, width, SLICE.height);
    const inner = { width: width - SLICE.left - SLICE.right, height: SLICE.height - SLICE.top - SLICE.bottom };
    const y = share => SLICE.top + (1 - share) * inner.height;
    const band = inner.width / parameter.values.length;
    const size = rows.length < 500 ? 5 : 3;
    const dot = (pen, row) => {
      const spread = ((rows[row].number * 0.618034) % 1 - 0.5) * 0.6 * band; // apart, and each always in its place
      pen.fillRect(SLICE.left + parameter.shares[row] * inner.width + spread - size / 2, y(objective.shares[row]) - size / 2, size, size);
    };
    const drawn = having([parameter, objective]);
    if (filtering()) {
      drawFaint(context, canvas, caption.textContent, pen => {
        Object.assign(pen, { fillStyle: "#888888", globalAlpha: 0.06 });
        sample(drawn).forEach(row => dot(pen, row));
      });
    }
    context.globalAlpha = Math.max(0.15, Math.min(0.8, 400 / passing.size));
    for (const [colour, dots] of byColour(sample(drawn.filter(row => isPassing[row])))) {
      context.fillStyle = colour;
      dots.forEach(row => dot(context, row));
    }
    context.globalAlpha = 1;
    context.fillStyle = ink();
    context.textAlign = "right";
    context.fillText(brief(objective.high), SLICE.left - 6, SLICE.top + 8);
    context.fillText(brief(objective.low), SLICE.left - 6, y(0));
    context.textAlign = "center";
    const room = Math.floor(band / 6);
    for (const value of parameter.values) {
      context.fillText(value.length > room ? `${value.slice(0, Math.max(room - 1, 1))}…` : value, SLICE.left + parameter.placeOf(value) * inner.width, SLICE.height - 6);
    }
  }

  // Called with the rows of the table, the address and the colour scheme

  let shownRows = null, shownState = null;

  function update(data, search, scheme, columnDefs) {
    if (!document.getElementById("explore-filters")) {
      return "";
    }
    const parameters = new URLSearchParams(search || "");
    const state = JSON.stringify([parameters.getAll(FILTER), parameters.getAll(HEADER_FILTER), parameters.get(HIDDEN), scheme]);
    const isSame = data === shownRows && state === shownState && document.querySelector("#explore-filters").children.length > 0;
    if (!isSame) {
      if (data !== shownRows) {
        readRows(data, columnDefs);
      }
      [shownRows, shownState] = [data, state];
      readFilters(search || "");
      applyFilters();
      draw();
      updateTable();
      connectFront();
    }
    return "";
  }

  // Views out of sight are drawn once those in sight are on the screen.
  let drawing = 0;

  function draw() {
    if (!document.getElementById("explore-filters")) {
      return;
    }
    drawControls();
    const data = { rows, columns, isPassing, colours, having, prepare, sample, ink, muted };
    const views = [["explore-parallel", drawParallel], ["explore-slices", drawSlices], ["explore-3d", () => window.explore3d.draw(data)]];
    const later = views.filter(([id, view]) => !isInSight(id) || view());
    const current = ++drawing;
    const goOn = () => {
      const [id, view] = later.shift() ?? [];
      if (current === drawing && document.getElementById(id)) {
        view();
        afterPaint(goOn);
      }
    };
    afterPaint(goOn);
  }

  const afterPaint = work => window.requestAnimationFrame(() => window.setTimeout(work));

  function isInSight(id) {
    const { top, bottom } = document.getElementById(id).getBoundingClientRect();
    return bottom > 0 && top < window.innerHeight;
  }

  let lastWidth = 0;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== lastWidth && shownRows) {
      lastWidth = window.innerWidth;
      window.requestAnimationFrame(draw);
    }
  });

  window.exploreTools = { element };
  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, { filtering, explorePasses, filterByHeader, showInTable });
  window.dash_clientside = Object.assign(window.dash_clientside || {}, { explore: { update } });
})();
