"""Invented people and places. Any likeness is chance; street names are common Danish ones."""

FIRST = (
    "Mette", "Karin", "Jonas", "Fatima", "Lars", "Hanne", "Peter", "Aisha", "Bo", "Lone",
    "Søren", "Ida",
    "Mikkel", "Anne", "Omar", "Birgit", "Jens", "Kirsten", "Henrik", "Susanne", "Ali",
    "Camilla", "Thomas",
    "Pia", "Rasmus", "Maria", "Nadia", "Erik", "Gitte", "Mads", "Louise", "Kasper", "Inge",
    "Yasmin", "Ole",
    "Tove", "Emil", "Sara", "Niels", "Else",
)  # fmt: skip
ELDERLY = (
    "Inger", "Ove", "Karen", "Poul", "Grethe", "Svend", "Else", "Knud", "Ruth", "Aage",
    "Edith", "Børge",
    "Kirsten", "Henning", "Birthe", "Ejner", "Lis", "Viggo", "Gerda", "Arne", "Ellen",
    "Kaj", "Tove", "Erling",
    "Jytte", "Villy", "Asta", "Bent", "Ebba", "Frode", "Hedvig", "Jørgen", "Magda", "Orla",
    "Rita", "Sigurd",
)  # fmt: skip
LAST = (
    "Holm", "Berg", "Dam", "Bach", "Krag", "Juhl", "Skov", "Bruun", "Riis", "Friis", "Toft",
    "Lund", "Bjerg",
    "Kjær", "Vest", "Lind", "Dahl", "Munk", "Hald", "Ravn", "Falk", "Winther", "Busk",
    "Damgaard", "Fog", "Grøn",
    "Hede", "Iversen", "Juul", "Klit", "Leth", "Møller", "Nørgaard", "Overby", "Post",
    "Quist", "Rask", "Storm",
    "Thorsen", "Ulrik",
)  # fmt: skip
STREETS = {
    "Center Nord": (
        "Rentemestervej", "Tomsgårdsvej", "Frederikssundsvej", "Hulgårdsvej", "Bispevej",
        "Skoleholdervej",
        "Glasvej", "Theklavej", "Birkedommervej", "Provstevej", "Dortheavej", "Ørnevej",
        "Svanevej", "Falkevej",
    ),
    "Center Midtbyen": (
        "Istedgade", "Saxogade", "Matthæusgade", "Dannebrogsgade", "Oehlenschlægersgade",
        "Vesterbrogade",
        "Valdemarsgade", "Absalonsgade", "Sundevedsgade", "Enghavevej", "Flensborggade",
        "Haderslevgade",
        "Tøndergade", "Slesvigsgade",
    ),
    "Center Amager": (
        "Holmbladsgade", "Amagerbrogade", "Lyongade", "Øresundsvej", "Jemtelandsgade",
        "Kastrupvej", "Englandsvej",
        "Italiensvej", "Backersvej", "Sundholmsvej", "Brydes Allé", "Elbagade", "Østrigsgade",
        "Spaniensgade",
    ),
}  # fmt: skip
FLOORS = ("st.", "st. tv", "st. th", "1. tv", "1. th", "2. tv", "2. th", "3. tv", "3. th", "4. tv", "4. th")
