"""The `dse` command line. Commands import what they need when they run, so that help and errors come at once."""
