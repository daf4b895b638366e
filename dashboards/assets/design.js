// The design page: the numbers of two trials become the address, and the address becomes the numbers.
(function () {
  "use strict";
  function show(_click, _enter, _enterBeside, trial, beside) {
    if (window.dash_clientside.callback_context.triggered.length > 0) {
      const wanted = new URLSearchParams({ trial: trial || "" });
      if (beside) {
        wanted.set("beside", beside);
      }
      window.dash_clientside.set_props("url", { search: `?${wanted}` });
    }
  }

  // A field that was typed in after the answer had been asked for keeps what was typed.
  function fill({ wanted, asked }, ...now) {
    return wanted.map((text, field) => (now[field] ?? "") === (asked[field] ?? "") ? text : window.dash_clientside.no_update);
  }

  window.dash_clientside = Object.assign(window.dash_clientside || {}, { design: { show, fill } });
})();
