"""commands/connections"""
