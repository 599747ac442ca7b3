"""Ferry's own format: `POST /v1/changes`."""
