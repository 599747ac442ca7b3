"""Who the people of a batch are: what is remembered of them, and what is asked of Klaviyo."""
