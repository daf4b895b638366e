"""The pages: each a function that returns the static layout which callbacks fill, and where it is found."""
