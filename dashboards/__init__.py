"""The web pages that show a study, live while it runs, and the kernels, cores and designs behind it.

`dashboards.app` makes the Dash app and serves it on 127.0.0.1; pages read a storage and never write it. `pages` has the
layouts, `callbacks` what fills them, `components` the parts, `background` the process that simulates for them.
"""
