"""What: pure functions from a CDP's person to a Klaviyo profile."""
