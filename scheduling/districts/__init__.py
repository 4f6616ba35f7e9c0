"""Large units by district: split by place and work, planned apart, joined, and mended over the borders."""
