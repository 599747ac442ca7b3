"""console/pages"""
