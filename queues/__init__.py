"""The ledger: every Redis key and every change of state lives here, and nowhere else."""
