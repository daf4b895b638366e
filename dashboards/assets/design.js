// The design page: the numbers of two trials become the address.
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

  window.dash_clientside = Object.assign(window.dash_clientside || {}, { design: { show } });
})();
