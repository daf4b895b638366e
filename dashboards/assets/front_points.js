// Points of a drawn Plotly figure, changed in place: Plotly works out and draws every point again for the same, which
// takes it a tenth of a second at a thousand points. The figure's data say the same, for when it is drawn again.
// What Plotly binds to its elements is no public interface: where it is not as expected, Plotly does the work.
(function () {
  "use strict";
  const FAINT = 0.2; // share of its opacity that Plotly leaves a point that is not selected

  const traces = plot => [...plot.querySelectorAll(".scatterlayer .trace")]
    .map(element => ({ element, trace: element.__data__?.[0]?.trace })).filter(({ trace }) => trace);

  // Makes faint the points whose number is not in the set `passing`; null: none.
  function fade(plot, passing) {
    const numbered = (plot.data ?? []).flatMap(({ customdata }, index) => customdata ? [index] : []);
    const selected = new Map(numbered.map(index => [index, passing &&
      plot.data[index].customdata.flatMap((number, point) => passing.has(number) ? [point] : [])]));
    const drawn = new Map(traces(plot).map(({ element, trace }) => [trace.index, { element, trace }]));
    if (numbered.some(index => plot.data[index].x.length > 0 && plot.data[index].visible === undefined && !isKnown(drawn.get(index)))) {
      window.Plotly.restyle(plot, { selectedpoints: [...selected.values()] }, numbered);
      return;
    }
    for (const index of numbered) {
      plot.data[index].selectedpoints = selected.get(index);
      const { element, trace } = drawn.get(index) ?? {};
      const opacity = trace?.marker.opacity ?? 1;
      for (const point of element?.querySelectorAll("path.point") ?? []) {
        const isFaint = passing && !passing.has(plot.data[index].customdata[point.__data__.i]);
        point.style.opacity = isFaint ? opacity * FAINT : opacity;
      }
    }
  }

  const isKnown = drawn => drawn && [...drawn.element.querySelectorAll("path.point")].every(point => Number.isInteger(point.__data__?.i));

  // Puts the only point of a trace at (x, y) of the axes; without coordinates the trace has no point.
  function place(plot, index, x, y) {
    const { element } = traces(plot).find(({ trace }) => trace.index === index) ?? {};
    const point = element?.querySelector("path.point"), calculated = plot.calcdata?.[index]?.[0];
    const { xaxis, yaxis } = plot._fullLayout ?? {};
    if (!Number.isFinite(x) || !point || point.__data__ !== calculated || !xaxis?.c2p || !yaxis?.c2p) {
      const [xs, ys] = Number.isFinite(x) ? [[x], [y]] : [[], []];
      window.Plotly.restyle(plot, { x: [xs], y: [ys] }, [index]);
      return;
    }
    Object.assign(plot.data[index], { x: [x], y: [y] });
    Object.assign(calculated, { x, y });
    point.setAttribute("transform", `translate(${xaxis.c2p(x)},${yaxis.c2p(y)})`);
  }

  window.frontPoints = { fade, place };
})();
