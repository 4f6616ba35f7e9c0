"""Danish local time and Danish ways to write it. Used at the edges only; everything inside is aware UTC."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
_DAYS = {
    "da": ("man.", "tirs.", "ons.", "tors.", "fre.", "lør.", "søn."),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS = {
    "da": ("jan.", "feb.", "mar.", "apr.", "maj", "jun.", "jul.", "aug.", "sep.", "okt.", "nov.", "dec."),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}


def local_day(instant_at: datetime) -> date:
    """The Danish calendar day an instant falls on."""
    return instant_at.astimezone(COPENHAGEN).date()


def at_local(day: date, clock: time) -> datetime:
    """The instant of a Danish wall-clock time on a day, aware UTC."""
    return datetime.combine(day, clock, COPENHAGEN).astimezone(UTC)


def clock_text(instant_at: datetime) -> str:
    """``10:42`` in Danish local time."""
    return instant_at.astimezone(COPENHAGEN).strftime("%H:%M")


def day_text(day: date, language: str = "da") -> str:
    """``ons. 25. nov.`` or ``Wed 25 Nov``."""
    weekday, month = _DAYS[language][day.weekday()], _MONTHS[language][day.month - 1]
    return f"{weekday} {day.day}. {month}" if language == "da" else f"{weekday} {day.day} {month}"


def number_text(value: float, decimals: int = 0) -> str:
    """A number the Danish way: full stop for thousands, comma for decimals."""
    return f"{value:,.{decimals}f}".replace(",", "\u00a0").replace(".", ",").replace("\u00a0", ".")
