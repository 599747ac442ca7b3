"""worker/people"""
