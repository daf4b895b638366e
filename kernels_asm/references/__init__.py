"""Reference kernels: reimplementations, in our own code, of designs that others described, to compare ours with.

Neither takes part in the search; each has an argument block, packing and an oracle of its own.
"""
