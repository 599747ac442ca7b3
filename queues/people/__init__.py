"""queues/people"""
