"""Measures Ferry against the plain way of doing the same, side by side on one machine; `make bench`."""
