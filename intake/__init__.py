"""HTTP in: one adapter per CDP format turns a message into changes, and accept is the last thing before 202."""
