"""The Klaviyo API client: requests, rate limits, classification of answers. Knows no queue."""
