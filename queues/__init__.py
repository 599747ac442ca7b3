"""The ledger: all Redis keys and all changes of state are defined here and nowhere else."""
