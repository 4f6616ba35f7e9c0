"""Tables of vehicles, their trips and the driving logs."""
