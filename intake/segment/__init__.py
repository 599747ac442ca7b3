"""Segment's messages: `POST /v1/segment`."""
