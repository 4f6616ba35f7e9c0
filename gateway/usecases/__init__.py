"""Acts that span domains, each one unit of work."""
