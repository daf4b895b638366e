// The cores page: what is chosen becomes the address.
(function () {
  "use strict";
  // The server fills the same fields, and says in `filled` for which address and with what: that was not chosen by hand,
  // and to write an address for it would end the way forward after a step back.
  function choose(core, beside, differ, filled) {
    if (!core || !filled) {
      return; // the page is not filled yet
    }
    const isCurrent = (filled.search ?? "") === window.location.search;
    if (isCurrent && [core, beside, differ].every((value, field) => value === filled.values[field])) {
      return;
    }
    const wanted = new URLSearchParams({ core });
    if (beside && beside !== "none") {
      wanted.set("beside", beside);
    }
    if (differ) {
      wanted.set("differ", "1");
    }
    window.dash_clientside.set_props("url", { search: `?${wanted}` });
  }

  window.dash_clientside = Object.assign(window.dash_clientside || {}, { cores: { choose } });
})();
