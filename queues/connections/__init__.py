"""queues/connections"""
