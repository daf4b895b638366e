// Keeps the app's "scheme" store equal to the colour scheme that the page shows: the system's, or the one chosen with
// the button. Mantine writes it on the root element, also when the system changes while the page is open.
(function () {
  "use strict";
  const ATTRIBUTE = "data-mantine-color-scheme";
  const root = document.documentElement;

  function report() {
    const scheme = root.getAttribute(ATTRIBUTE);
    if (scheme) {
      window.dash_clientside.set_props("scheme", { data: scheme });
    }
  }

  new MutationObserver(report).observe(root, { attributes: true, attributeFilter: [ATTRIBUTE] });
})();
