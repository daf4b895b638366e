"""Names of the components that callbacks read and write."""

from __future__ import annotations

URL = "url"
POLL = "poll"
REVISION = "revision"
SELECTION = "selection"
PROBLEM = "problem"
HEADER = "header"
SCHEME = "scheme"  # also named in assets/scheme.js
COLOUR = "colour"
FRONT = "front"
TRIALS = "trials"
DETAILS = "details"
LAYERS = "layers"
