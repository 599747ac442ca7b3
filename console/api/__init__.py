"""The operator's API: what the pages show and do, for programs, and its OpenAPI document."""
