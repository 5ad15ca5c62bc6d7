"""Door 1: CPython. The only place that knows how a version of the interpreter lays out its frames."""
