// A tick of an interval is passed on, and the interval stops until the answer to the tick enables it again.
(function () {
  "use strict";
  window.dash_clientside = Object.assign(window.dash_clientside || {}, { waiting: { passOn: tick => [tick, true] } });
})();
