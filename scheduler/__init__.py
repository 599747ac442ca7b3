"""The scheduler: asks the policy what is due, takes batches, rings workers, and rings again for stalled batches."""
