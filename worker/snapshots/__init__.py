"""worker/snapshots"""
