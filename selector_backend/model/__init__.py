"""What things are: values, without input or output, by the standard library alone."""
