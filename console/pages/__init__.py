"""The pages: what each reads, and how it is shown (files ending in `_view`)."""
