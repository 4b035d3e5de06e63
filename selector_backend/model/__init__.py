"""Values, and decisions from them: no input or output, the standard library alone."""
