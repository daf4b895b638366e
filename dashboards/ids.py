"""Names of the components that callbacks read and write."""

from __future__ import annotations

URL = "url"  # also named in assets/choice.js
POLL = "poll"
REVISION = "revision"
SCHEME = "scheme"  # also named in assets/scheme.js
PROBLEM = "problem"
NAVIGATION = "navigation"
PAGE = "page"

SELECTION = "selection"
FILLED = "filled"
HEADER = "header"
COLOUR = "colour"
FRONT = "front"  # also named in assets/choice.js
TRIALS = "trials"
DETAILS = "details"
LAYERS = "layers"

KERNEL_HEADING = "kernel-heading"
KERNEL_FORM = "kernel-form"
KERNEL_VARIANT = "kernel-variant"
KERNEL_SHAPE = "kernel-shape"
KERNEL_CORE = "kernel-core"
KERNEL_SHOW = "kernel-show"
WHAT_IF_TILE = "what-if-tile"
WHAT_IF_FIELD = "what-if-field"
WHAT_IF_VALUE = "what-if-value"
WHAT_IF_TRY = "what-if-try"
WHAT_IF_SHOWN_TILE = "what-if-shown-tile"
KERNEL_PROBLEM = "kernel-problem"
KERNEL_RESULT = "kernel-result"
KERNEL_SHOWN = "kernel-shown"
KERNEL_POLL = "kernel-poll"
KERNEL_TICK = "kernel-tick"
TIMELINE = "timeline"
TIMELINE_ROWS = "timeline-rows"
TIMELINE_ROW = "timeline-row"
TIMELINE_CYCLES = "timeline-cycles"
