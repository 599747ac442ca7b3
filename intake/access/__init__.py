"""Access control: tokens, what each sender may do, and whose settings count."""
