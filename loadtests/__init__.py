"""Load tests: how fast the real parts are on this machine, beside a calibration of the machine itself."""
