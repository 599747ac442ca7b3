"""worker/erasures"""
