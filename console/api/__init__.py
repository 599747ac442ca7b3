"""The operator's API: the pages' questions and acts for programs, and its OpenAPI document."""
