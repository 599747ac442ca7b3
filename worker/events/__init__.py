"""worker/events"""
