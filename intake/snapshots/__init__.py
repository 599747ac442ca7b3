"""Whole memberships: `PUT /v1/audiences/{audience}/members`, and how they fared."""
