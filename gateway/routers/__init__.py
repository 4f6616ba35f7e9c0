"""The JSON API, one thin module per resource."""
