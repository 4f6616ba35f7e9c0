"""What the pages are made of: templates, static files, messages and the code that renders them."""
