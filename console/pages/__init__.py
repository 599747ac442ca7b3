"""The pages: for each one what is read, and how it is shown (files ending in `_view`)."""
