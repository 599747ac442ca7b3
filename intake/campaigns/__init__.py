"""Segment's campaigns and warehouse lists: `POST /v1/campaigns`."""
