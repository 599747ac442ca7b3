"""Dead letters: choosing, showing and exporting them, and what their reasons mean."""
