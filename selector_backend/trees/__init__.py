"""One source tree, all distributions: what the inner backend builds, under the variants' names."""
