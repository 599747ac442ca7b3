"""Whole memberships: `PUT /v1/audiences/{audience}/members`, and the state of these snapshots."""
