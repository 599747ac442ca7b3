"""Whom Ferry believes: tokens, what each sender may do, and whose settings count."""
