"""`ferry up`: all processes on one machine, with an embedded Redis."""
