"""Simulated devices: product code that demo, tests and load tests share."""
