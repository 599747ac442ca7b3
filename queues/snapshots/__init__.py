"""queues/snapshots"""
