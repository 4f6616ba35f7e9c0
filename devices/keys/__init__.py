"""Door rights, grants, locks and their protocol; the signer as its own process."""
