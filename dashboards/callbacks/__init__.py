"""What happens on the pages, one module a page. Nothing here writes to a study.

A person's choice becomes the address (scripts in `assets`), and the address alone decides what a page shows: so figures
and controls cannot chase each other, and an address can be shared.
"""
