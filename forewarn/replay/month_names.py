"""Names of months in the languages that exports of banks and telephones come in."""

from functools import cache

_ENGLISH = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_NAMES = (
    "januar jänner jan janvier janv enero ene gennaio gen janeiro januari",
    "februar feber feb février févr fév febrero febbraio fevereiro fev februari",
    "märz mär mrz mars mar marzo março maart mrt",
    "april apr avril avr abril abr aprile",
    "mai mayo may maggio mag maio mei maj",
    "juni jun juin junio giugno giu junho",
    "juli jul juillet juil julio luglio lug julho",
    "august aug août aoû agosto ago augustus augusti",
    "september sept sep septembre septiembre settembre set setembro",
    "oktober okt octobre oct octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "dezember dez décembre déc diciembre dic dicembre dezembro december dec desember des",
)
"""German, French, Spanish, Italian, Portuguese, Dutch and Scandinavian; no name means two months among them."""


@cache
def _months() -> dict[str, str]:
    return {
        name: english
        for english, names in zip(_ENGLISH, _NAMES, strict=True)
        for name in names.split()
    }


def english_month(word: str, *, whole: bool) -> str:
    """The English name of a month, or the word itself if it is none.

    Args:
        word: with or without a point behind it.
        whole: whether the whole name is wanted, not its first three letters.
    """
    english = _months().get(word.rstrip(".").casefold())
    if english is None:
        return word
    return english if whole else english[:3]
