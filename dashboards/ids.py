"""Names of the components that callbacks read and write."""

from __future__ import annotations

URL = "url"  # also named in assets/choice.js
POLL = "poll"
REVISION = "revision"
SELECTION = "selection"
PROBLEM = "problem"
HEADER = "header"
SCHEME = "scheme"  # also named in assets/scheme.js
COLOUR = "colour"
FRONT = "front"  # also named in assets/choice.js
TRIALS = "trials"
DETAILS = "details"
LAYERS = "layers"
