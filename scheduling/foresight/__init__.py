"""Looking ahead on a running day: when visits will really begin, and how much a route can take."""
