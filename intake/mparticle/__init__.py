"""mParticle's Firehose: `POST /v1/mparticle`."""
