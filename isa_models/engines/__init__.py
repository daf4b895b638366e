"""Compiled timing engines: an in-order and an out-of-order pipeline over one trace."""
