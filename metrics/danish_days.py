"""Which days are rest days in Denmark, as the kernel knows them."""

from kernel.danish_days import easter_sunday, is_rest_day, public_holidays

__all__ = ["easter_sunday", "is_rest_day", "public_holidays"]
