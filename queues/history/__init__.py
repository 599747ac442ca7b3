"""queues/history"""
