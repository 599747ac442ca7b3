"""The Klaviyo API client: requests, rate limits and classification of answers. It does not know the queues."""
