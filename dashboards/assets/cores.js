// The cores page: what is chosen becomes the address.
(function () {
  "use strict";
  function choose(core, beside, differ) {
    const old = new URLSearchParams(window.location.search);
    const wanted = new URLSearchParams();
    if (!core) {
      return; // the page is not filled yet
    }
    wanted.set("core", core);
    if (beside && beside !== "none") {
      wanted.set("beside", beside);
    }
    if (differ) {
      wanted.set("differ", "1");
    }
    // What the address says already was not chosen by hand; without a parameter it means the study's core.
    if (old.size > 0 ? wanted.toString() !== old.toString() : wanted.size > 1 || chosenBefore(core)) {
      window.dash_clientside.set_props("url", { search: `?${wanted}` });
    }
    shown = core;
  }

  let shown = null;
  function chosenBefore(core) {
    return shown !== null && shown !== core;
  }

  window.dash_clientside = Object.assign(window.dash_clientside || {}, { cores: { choose } });
})();
