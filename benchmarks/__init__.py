"""Figures about speed. They never pass or fail: read them, and compare them with those of the change before."""
