"""What the pages are shown, put together from several domains in one reading session."""
