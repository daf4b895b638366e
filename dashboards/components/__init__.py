"""The parts that pages are put together from: each a function from results to Dash components."""
