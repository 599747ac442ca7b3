"""Pure functions that turn a CDP's person into a Klaviyo profile, an event or a consent."""
