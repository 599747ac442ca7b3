"""When: asks the policy what is due, takes batches, rings the worker, rings again what stalled."""
