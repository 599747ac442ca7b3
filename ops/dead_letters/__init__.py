"""Dead letters: selection, display, export, and the meaning of their reasons."""
