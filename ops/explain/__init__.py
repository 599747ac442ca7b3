"""The history of one person: `ferry explain` and the person lookup."""
