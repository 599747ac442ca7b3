"""HTTP itself: the server, bodies and their limits, fairness between clients, errors."""
