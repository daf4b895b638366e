// The trials in three dimensions: both objectives and one more column, to be turned by dragging or with the arrow keys.
// Drawn on a plain canvas: no WebGL, which not every browser has. Called by explore.js, which has the data.
(function () {
  "use strict";
  const SIZE = { height: 360, scale: 0.25, near: 3.2 };
  const TURN = 0.12; // radians a key
  const KEYS = { ArrowLeft: [-TURN, 0], ArrowRight: [TURN, 0], ArrowUp: [0, -TURN], ArrowDown: [0, TURN] };
  const CORNERS = [0, 1].flatMap(x => [0, 1].flatMap(y => [0, 1].map(z => [x, y, z])));
  const EDGES = CORNERS.flatMap((one, i) => CORNERS.slice(i + 1).filter(other => one.filter((value, axis) => value !== other[axis]).length === 1).map(other => [one, other]));

  let view = { turn: 0.7, tilt: 0.35 }, third = null, last = null, drag = null;

  function project([x, y, z], width) {
    const [a, b, c] = [x - 0.5, y - 0.5, z - 0.5];
    const [across, depth] = [a * Math.cos(view.turn) + c * Math.sin(view.turn), -a * Math.sin(view.turn) + c * Math.cos(view.turn)];
    const [up, away] = [b * Math.cos(view.tilt) + depth * Math.sin(view.tilt), -b * Math.sin(view.tilt) + depth * Math.cos(view.tilt)];
    const zoom = SIZE.near / (SIZE.near + away) * SIZE.scale * 2 * Math.min(width, SIZE.height * 1.3);
    return [width / 2 + across * zoom, SIZE.height / 2 - up * zoom, away];
  }

  function build(place) {
    const make = window.exploreTools.element;
    const select = make("select", { "aria-label": "Third axis", onchange: event => { third = event.target.value; draw(last); } });
    const canvas = make("canvas", { tabindex: "0", role: "img", "aria-label": "Trials in three dimensions; turn with the arrow keys" });
    canvas.addEventListener("keydown", event => {
      const turned = KEYS[event.key];
      if (turned) {
        event.preventDefault();
        turn(...turned);
      }
    });
    canvas.addEventListener("pointerdown", event => {
      drag = [event.clientX, event.clientY];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", event => {
      if (drag) {
        turn((event.clientX - drag[0]) / 120, (event.clientY - drag[1]) / 120);
        drag = [event.clientX, event.clientY];
      }
    });
    canvas.addEventListener("pointerup", () => { drag = null; });
    place.replaceChildren(make("label", { class: "explore-group" }, "third axis ", select), canvas);
  }

  function turn(across, up) {
    view = { turn: view.turn + across, tilt: Math.max(-1.5, Math.min(1.5, view.tilt + up)) };
    draw(last);
  }

  function draw(data) {
    last = data;
    const place = document.getElementById("explore-3d");
    if (!place || !data) {
      return;
    }
    if (place.children.length === 0) {
      build(place);
    }
    const [select, canvas] = [place.querySelector("select"), place.querySelector("canvas")];
    const [x, y] = ["latency", "accuracy"].map(field => data.columns.find(column => column.field === field));
    const choices = data.columns.filter(column => column !== x && column !== y && column.field !== "state");
    const z = choices.find(({ field }) => field === third) ?? choices.find(({ isNumeric }) => isNumeric) ?? choices.find(({ field }) => field === "width") ?? choices.at(-1);
    place.hidden = !x || !y || !z;
    if (place.hidden) {
      return;
    }
    select.replaceChildren(...choices.map(({ field, label }) => new Option(label, field, false, field === z.field)));
    paint(canvas, place.clientWidth, data, [x, y, z]);
  }

  function paint(canvas, width, data, axes) {
    const context = data.prepare(canvas, width, SIZE.height);
    const isSharp = data.rows.length < 500;
    context.strokeStyle = data.muted();
    context.globalAlpha = 0.5;
    for (const [one, other] of EDGES) {
      const [from, to] = [project(one, width), project(other, width)];
      context.beginPath();
      context.moveTo(from[0], from[1]);
      context.lineTo(to[0], to[1]);
      context.stroke();
    }
    const points = data.sample(data.having(axes))
      .map(row => ({ row, at: project(axes.map(({ shares }) => shares[row]), width) }))
      .sort((one, other) => other.at[2] - one.at[2]);
    for (const { row, at: [px, py] } of points) {
      const isFront = String(data.rows[row].state).startsWith("front");
      context.globalAlpha = !data.isPassing[row] ? 0.08 : isFront ? 1 : 0.45;
      context.fillStyle = data.isPassing[row] ? data.colours[row] : "#888888";
      if (isFront || isSharp) {
        context.beginPath();
        context.arc(px, py, isFront ? 5 : 3.5, 0, 2 * Math.PI);
        context.fill();
      } else {
        context.fillRect(px - 2, py - 2, 4, 4);
      }
    }
    context.globalAlpha = 1;
    context.fillStyle = data.ink();
    context.textAlign = "center";
    axes.forEach(({ label }, axis) => {
      const [px, py] = project([0, 1, 2].map(one => one === axis ? 1.12 : 0), width);
      context.fillText(label, Math.max(40, Math.min(width - 40, px)), Math.max(12, Math.min(SIZE.height - 6, py)));
    });
  }

  window.explore3d = { draw };
})();
