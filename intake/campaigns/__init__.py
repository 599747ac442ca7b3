"""Segment's campaigns and warehouse lists: `PUT /v1/campaigns`."""
