"""The HTTP layer: the server, bodies and their limits, fairness between clients, errors."""
