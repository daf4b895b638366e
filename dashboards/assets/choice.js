// What a person chooses, on the front or in the table, becomes the page's address. The app shows what the address
// names, and writes neither: so what it selects itself can never be taken for a choice.
(function () {
  "use strict";
  // The grid also reports rows that the app selects, under other sources.
  const BY_HAND = new Set(["rowClicked", "spaceKey"]);

  function choose(trial) {
    if (Number.isInteger(trial)) {
      window.dash_clientside.set_props("url", { search: `?trial=${trial}` });
    }
  }

  function chooseRow({ source, node }) {
    if (BY_HAND.has(source) && node.isSelected()) {
      choose(node.data.number);
    }
  }

  function choosePoint(click) {
    if (click) {
      choose(click.points[0]?.customdata);
    }
  }

  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, { chooseRow });
  window.dash_clientside = Object.assign(window.dash_clientside || {}, { choice: { choosePoint } });
})();
