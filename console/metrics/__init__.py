"""console/metrics"""
