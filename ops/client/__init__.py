"""The Ferry that a command speaks to: over Redis on this machine, or over HTTP elsewhere (`--url`)."""
