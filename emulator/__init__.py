"""A faithful local Klaviyo for the demo, the tests, the benchmarks and staging."""
