"""intake/mparticle"""
