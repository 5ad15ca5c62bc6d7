"""Door 1: CPython. The only place that knows how the interpreter lays out its frames."""
