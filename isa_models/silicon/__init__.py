"""Timings measured on silicon by others, and the snippets that reproduce them in the simulator."""
