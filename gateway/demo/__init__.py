"""The demonstration: an invented municipality that lives its day through the real front doors."""
