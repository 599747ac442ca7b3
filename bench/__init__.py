"""Benchmarks that compare Ferry with the plain way of doing the same on one machine: `make bench`."""
