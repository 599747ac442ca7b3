"""The Ferry that a command talks to: over Redis on this machine, or a remote one over HTTP (`--url`)."""
