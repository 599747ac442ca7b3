"""The pages: for each one what is read, and how it is shown (`*_view.py`)."""
