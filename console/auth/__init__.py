"""Authentication and authorisation: sign-in, sessions, roles, and protection from forgery and guessed tokens."""
