"""The web pages that show a study: Pareto front, trials and layers, live while the study runs.

`dashboards.app` makes the Dash app and serves it on 127.0.0.1; pages read a storage and never write it.
"""
