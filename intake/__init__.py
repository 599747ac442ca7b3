"""The HTTP intake: one adapter per CDP format turns a message into changes; accept is the last step before 202."""
