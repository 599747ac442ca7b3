"""queues/server"""
