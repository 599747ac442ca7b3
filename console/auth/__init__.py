"""console/auth"""
